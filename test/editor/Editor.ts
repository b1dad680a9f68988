/**
 * A program in an editor: what the language servers of TypeScript 5.9 and 7 offer, show and report while it is typed.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const project = fileURLToPath(new URL("../..", import.meta.url))

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: unknown
  readonly type?: string
  readonly request_seq?: number
  readonly body?: unknown
  readonly result?: unknown
  readonly error?: unknown
  readonly success?: boolean
  readonly message?: string
}

/** A language server as a process: requests by number, and their answers, each behind its length. */
abstract class LanguageServer {
  private readonly child: ChildProcess
  private readonly waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>()
  private buffer = Buffer.alloc(0)
  protected sequence = 0

  constructor(path: string, args: ReadonlyArray<string>, directory: string) {
    this.child = spawn(process.execPath, [path, ...args], { cwd: directory, stdio: ["pipe", "pipe", "ignore"] })
    this.child.stdout?.on("data", (chunk: Buffer) => this.read(chunk))
    this.child.once("exit", (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the language server ended with code ${code}`))
    })
  }

  protected write(text: string): void {
    this.child.stdin?.write(text)
  }

  protected answered(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }))
  }

  protected settle(id: number, answer: unknown, failure: string | undefined): void {
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    if (failure === undefined) waiting?.resolve(answer)
    else waiting?.reject(new Error(failure))
  }

  protected abstract receive(message: Message): void

  /** The names that are offered at a place. */
  abstract completions(at: Place): Promise<ReadonlyArray<string>>
  /** The text that is shown for the name at a place: its type, and its documentation. */
  abstract hover(at: Place): Promise<string>
  /** The messages of all errors of the program, in its order. */
  abstract errors(): Promise<ReadonlyArray<string>>

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.child.once("exit", () => resolve())
      this.child.kill()
    })
  }

  private read(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk])
    for (;;) {
      const end = this.buffer.indexOf("\r\n\r\n")
      if (end < 0) return
      const length = Number(/Content-Length: (\d+)/i.exec(this.buffer.toString("latin1", 0, end))?.[1])
      if (this.buffer.length < end + 4 + length) return
      const text = this.buffer.toString("utf8", end + 4, end + 4 + length)
      this.buffer = this.buffer.subarray(end + 4 + length)
      this.receive(JSON.parse(text) as Message)
    }
  }
}

/** A place in the program: line and column from 0 on. */
interface Place {
  readonly line: number
  readonly character: number
}

/** The `tsserver` of TypeScript 5.9, by its own protocol. */
class TsServer extends LanguageServer {
  private readonly file: string

  constructor(directory: string, file: string, text: string) {
    super(join(project, "node_modules/@tsd/typescript/typescript/lib/tsserver.js"), [
      "--disableAutomaticTypingAcquisition"
    ], directory)
    this.file = file
    this.command("open", { file, fileContent: text })
  }

  async completions(at: Place): Promise<ReadonlyArray<string>> {
    const body = await this.request("completionInfo", { file: this.file, ...spot(at) })
    return (body as { readonly entries: ReadonlyArray<{ readonly name: string }> }).entries.map(({ name }) => name)
  }

  async hover(at: Place): Promise<string> {
    const body = await this.request("quickinfo", { file: this.file, ...spot(at) })
    const { displayString, documentation } = body as { readonly displayString: string; readonly documentation: string }
    return `${displayString}\n${documentation}`
  }

  async errors(): Promise<ReadonlyArray<string>> {
    const body = await this.request("semanticDiagnosticsSync", { file: this.file })
    return (body as ReadonlyArray<{ readonly text: string }>).map(({ text }) => text)
  }

  protected receive({ body, message, request_seq: id, success, type }: Message): void {
    if (type === "response" && id !== undefined) {
      this.settle(id, body, success === true ? undefined : message ?? "no answer")
    }
  }

  private command(command: string, args: object): number {
    const seq = ++this.sequence
    this.write(`${JSON.stringify({ seq, type: "request", command, arguments: args })}\n`)
    return seq
  }

  private request(command: string, args: object): Promise<unknown> {
    return this.answered(this.command(command, args))
  }
}

const spot = ({ character, line }: Place) => ({ line: line + 1, offset: character + 1 })

/** The language server of TypeScript 7, by the Language Server Protocol. */
class Lsp extends LanguageServer {
  private readonly document: { readonly uri: string }
  private readonly ready: Promise<void>

  constructor(directory: string, file: string, text: string) {
    super(join(project, "node_modules/typescript/bin/tsc"), ["--lsp", "--stdio"], directory)
    this.document = { uri: pathToFileURL(file).href }
    this.ready = this.start(pathToFileURL(directory).href, text)
  }

  async completions(position: Place): Promise<ReadonlyArray<string>> {
    const answer = await this.ask("textDocument/completion", { textDocument: this.document, position })
    const items = Array.isArray(answer) ? answer : (answer as { readonly items: ReadonlyArray<unknown> }).items
    return (items as ReadonlyArray<{ readonly label: string }>).map(({ label }) => label.replace(/\?$/, ""))
  }

  async hover(position: Place): Promise<string> {
    const answer = await this.ask("textDocument/hover", { textDocument: this.document, position })
    return (answer as { readonly contents: { readonly value: string } }).contents.value
  }

  async errors(): Promise<ReadonlyArray<string>> {
    const answer = await this.ask("textDocument/diagnostic", { textDocument: this.document })
    return (answer as { readonly items: ReadonlyArray<{ readonly message: string }> }).items.map(({ message }) => message)
  }

  protected receive({ error, id, method, params, result }: Message): void {
    if (id === undefined) return
    if (method === undefined) {
      this.settle(id, result, error === undefined ? undefined : JSON.stringify(error))
      return
    }
    // The server asks for settings and registers what it can do: the defaults will do.
    const { items } = params as { readonly items?: ReadonlyArray<unknown> }
    this.send({ id, result: items === undefined ? null : items.map(() => null) })
  }

  private async start(rootUri: string, text: string): Promise<void> {
    await this.request("initialize", { processId: process.pid, rootUri, capabilities: {} })
    this.send({ method: "initialized", params: {} })
    this.send({
      method: "textDocument/didOpen",
      params: { textDocument: { ...this.document, languageId: "typescript", version: 1, text } }
    })
  }

  private async ask(method: string, params: object): Promise<unknown> {
    await this.ready
    return this.request(method, params)
  }

  private request(method: string, params: object): Promise<unknown> {
    const id = ++this.sequence
    this.send({ id, method, params })
    return this.answered(id)
  }

  private send(message: object): void {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message })
    this.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }
}

/** The editors: each opens a file of a project. */
export const editors = { "TypeScript 5.9": TsServer, "TypeScript 7": Lsp } as const

/** A program whose marks (`/*name*\/`) are the places to ask about, opened in an editor. */
export class Program {
  private readonly directory: string
  private readonly server: LanguageServer
  private readonly text: string

  constructor(editor: keyof typeof editors, text: string) {
    this.text = text
    this.directory = mkdtempSync(join(project, "test", ".editor-"))
    const file = join(this.directory, "program.ts")
    const compilerOptions = {
      target: "ES2022",
      lib: ["ES2024", "ESNext.Disposable"],
      module: "NodeNext",
      strict: true,
      exactOptionalPropertyTypes: true,
      allowImportingTsExtensions: true,
      noErrorTruncation: false,
      skipLibCheck: true,
      types: ["node"],
      noEmit: true,
      paths: { "effect-redis-cluster": [join(project, "src/index.ts")] }
    }
    writeFileSync(join(this.directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }))
    symlinkSync(join(project, "node_modules"), join(this.directory, "node_modules"))
    writeFileSync(file, text)
    this.server = new editors[editor](this.directory, file, text)
  }

  /** The names that are offered behind a mark. */
  completions(mark: string): Promise<ReadonlyArray<string>> {
    return this.server.completions(this.behind(mark))
  }

  /** The text that is shown for the name behind a mark. */
  hover(mark: string): Promise<string> {
    return this.server.hover(this.behind(mark))
  }

  errors(): Promise<ReadonlyArray<string>> {
    return this.server.errors()
  }

  async close(): Promise<void> {
    await this.server.close()
    rmSync(this.directory, { recursive: true, force: true })
  }

  private behind(mark: string): Place {
    const at = this.text.indexOf(`/*${mark}*/`)
    if (at < 0) throw new Error(`the program has no mark ${mark}`)
    const before = this.text.slice(0, at + mark.length + 4)
    return { line: before.split("\n").length - 1, character: before.length - before.lastIndexOf("\n") - 1 }
  }
}
