/**
 * A program in an editor: what the language servers of TypeScript 5.9 and 7 offer, show and report while it is typed.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const project = fileURLToPath(new URL("../..", import.meta.url))

/** A place in the program: line and column, from 0 on. */
interface Place {
  readonly line: number
  readonly character: number
}

/** The type and the documentation that an editor shows for a name. */
export interface Hover {
  readonly type: string
  readonly documentation: string
}

/** A message of one of the two protocols. */
interface Received {
  readonly id?: number
  readonly method?: string
  readonly params?: object | null
  readonly result?: unknown
  readonly error?: unknown
  readonly type?: string
  readonly request_seq?: number
  readonly success?: boolean
  readonly message?: string
  readonly body?: unknown
}

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** A language server as a process: requests by number, and their answers, each with its length in front. */
abstract class LanguageServer {
  private readonly child: ChildProcess
  private readonly waiting = new Map<number, Waiting>()
  private buffer = Buffer.alloc(0)
  private requests = 0

  constructor(script: string, args: ReadonlyArray<string>) {
    this.child = spawn(process.execPath, [join(project, "node_modules", script), ...args], {
      stdio: ["pipe", "pipe", "ignore"]
    })
    this.child.stdout?.on("data", (chunk: Buffer) => this.read(chunk))
    this.child.once("exit", (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the language server ended with code ${code}`))
    })
  }

  /** The names that are offered at a place. */
  abstract completions(at: Place): Promise<ReadonlyArray<string>>
  /** The documentation that is shown beside a name that is offered. */
  abstract offered(at: Place, name: string): Promise<string>
  abstract hover(at: Place): Promise<Hover>
  /** The messages of all errors, in the order of the program. */
  abstract errors(): Promise<ReadonlyArray<string>>
  protected abstract receive(message: Received): void

  /** Sends a request that `write` makes from its number. */
  protected request(write: (id: number) => string): Promise<unknown> {
    const id = ++this.requests
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      this.write(write(id))
    })
  }

  protected write(text: string): void {
    this.child.stdin?.write(text)
  }

  protected settle(id: number, answer: unknown, failure?: string): void {
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    if (failure === undefined) waiting?.resolve(answer)
    else waiting?.reject(new Error(failure))
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.child.once("exit", () => resolve())
      this.child.kill()
    })
  }

  private read(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk])
    for (;;) {
      const head = this.buffer.indexOf("\r\n\r\n")
      if (head < 0) return
      const length = Number(/Content-Length: (\d+)/i.exec(this.buffer.toString("latin1", 0, head))?.[1])
      const end = head + 4 + length
      if (this.buffer.length < end) return
      const text = this.buffer.toString("utf8", head + 4, end)
      this.buffer = this.buffer.subarray(end)
      this.receive(JSON.parse(text) as Received)
    }
  }
}

/** The `tsserver` of TypeScript 5.9, by its own protocol. */
class TsServer extends LanguageServer {
  private readonly file: string

  constructor(file: string, text: string) {
    super("@tsd/typescript/typescript/lib/tsserver.js", ["--disableAutomaticTypingAcquisition"])
    this.file = file
    this.write(command(0, "open", { file, fileContent: text }))
  }

  async completions(at: Place): Promise<ReadonlyArray<string>> {
    const body = await this.ask("completionInfo", at)
    return (body as { readonly entries: ReadonlyArray<{ readonly name: string }> }).entries.map(({ name }) => name)
  }

  async offered(at: Place, name: string): Promise<string> {
    const body = await this.ask("completionEntryDetails", at, { entryNames: [name] })
    const [details] = body as ReadonlyArray<{ readonly documentation?: ReadonlyArray<{ readonly text: string }> }>
    return details?.documentation?.map(({ text }) => text).join("") ?? ""
  }

  async hover(at: Place): Promise<Hover> {
    const body = await this.ask("quickinfo", at)
    const { displayString, documentation } = body as { readonly displayString: string; readonly documentation: string }
    return { type: displayString, documentation }
  }

  async errors(): Promise<ReadonlyArray<string>> {
    const body = await this.request((seq) => command(seq, "semanticDiagnosticsSync", { file: this.file }))
    return (body as ReadonlyArray<{ readonly text: string }>).map(({ text }) => text)
  }

  protected receive({ body, message, request_seq: id, success, type }: Received): void {
    if (type === "response" && id !== undefined) this.settle(id, body, success === true ? undefined : message)
  }

  private ask(name: string, { character, line }: Place, more: object = {}): Promise<unknown> {
    const place = { file: this.file, line: line + 1, offset: character + 1, ...more }
    return this.request((seq) => command(seq, name, place))
  }
}

const command = (seq: number, name: string, args: object): string =>
  `${JSON.stringify({ seq, type: "request", command: name, arguments: args })}\n`

/** The language server of TypeScript 7, by the Language Server Protocol. */
class Lsp extends LanguageServer {
  private readonly textDocument: { readonly uri: string }
  private readonly ready: Promise<void>

  constructor(file: string, text: string) {
    super("typescript/bin/tsc", ["--lsp", "--stdio"])
    this.textDocument = { uri: pathToFileURL(file).href }
    this.ready = this.start(text)
  }

  async completions(position: Place): Promise<ReadonlyArray<string>> {
    const answer = await this.ask("textDocument/completion", { position })
    const { items } = answer as { readonly items: ReadonlyArray<{ readonly label: string }> }
    // An option that may be left out has a question mark.
    return items.map(({ label }) => label.replace(/\?$/, ""))
  }

  async offered(position: Place, name: string): Promise<string> {
    const answer = await this.ask("textDocument/completion", { position })
    const { items } = answer as { readonly items: ReadonlyArray<{ readonly label: string }> }
    const item = items.find(({ label }) => label.replace(/\?$/, "") === name)
    if (item === undefined) return ""
    const resolved = await this.request((id) => framed({ id, method: "completionItem/resolve", params: item }))
    const { documentation } = resolved as { readonly documentation?: string | { readonly value: string } }
    return typeof documentation === "string" ? documentation : documentation?.value ?? ""
  }

  async hover(position: Place): Promise<Hover> {
    const answer = await this.ask("textDocument/hover", { position })
    const { value } = (answer as { readonly contents: { readonly value: string } }).contents
    const [, type = value, documentation = ""] = /^```\w+\n(.*?)\n```\n?(.*)$/s.exec(value) ?? []
    return { type, documentation }
  }

  async errors(): Promise<ReadonlyArray<string>> {
    const answer = await this.ask("textDocument/diagnostic", {})
    const { items } = answer as { readonly items: ReadonlyArray<{ readonly message: string; readonly tags?: unknown }> }
    // Those with tags are hints.
    return items.filter(({ tags }) => tags === undefined).map(({ message }) => message)
  }

  protected receive({ error, id, method, params, result }: Received): void {
    if (id === undefined) return
    if (method === undefined) {
      this.settle(id, result, error === undefined ? undefined : JSON.stringify(error))
      return
    }
    // The server asks for settings, or registers what it can do: the defaults will do.
    const items = params && "items" in params && Array.isArray(params.items) ? params.items.map(() => null) : null
    this.write(framed({ id, result: items }))
  }

  private async start(text: string): Promise<void> {
    const hover = { contentFormat: ["markdown"] }
    const capabilities = { textDocument: { hover } }
    await this.request((id) =>
      framed({ id, method: "initialize", params: { processId: process.pid, rootUri: null, capabilities } })
    )
    this.write(framed({ method: "initialized", params: {} }))
    const textDocument = { ...this.textDocument, languageId: "typescript", version: 1, text }
    this.write(framed({ method: "textDocument/didOpen", params: { textDocument } }))
  }

  private async ask(method: string, params: object): Promise<unknown> {
    await this.ready
    return this.request((id) => framed({ id, method, params: { textDocument: this.textDocument, ...params } }))
  }
}

const framed = (message: object): string => {
  const text = JSON.stringify({ jsonrpc: "2.0", ...message })
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

export const editors = { "TypeScript 5.9": TsServer, "TypeScript 7": Lsp } as const

const compilerOptions = {
  target: "ES2022",
  lib: ["ES2024", "ESNext.Disposable"],
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  types: ["node"],
  noEmit: true,
  paths: { "effect-redis-cluster": [join(project, "src/index.ts")] }
}

/** A program, opened in an editor. Its marks (`⟨name⟩`), which the editor does not see, are the places to ask about. */
export class Program {
  private readonly directory: string
  private readonly server: LanguageServer
  private readonly places = new Map<string, Place>()

  constructor(editor: keyof typeof editors, marked: string) {
    const lines = marked.split("\n").map((given, line) => {
      let text = given
      for (let mark = /⟨(\w+)⟩/.exec(text); mark !== null; mark = /⟨(\w+)⟩/.exec(text)) {
        this.places.set(mark[1], { line, character: mark.index })
        text = text.replace(mark[0], "")
      }
      return text
    })
    this.directory = mkdtempSync(join(project, "test", ".editor-"))
    const file = join(this.directory, "program.ts")
    writeFileSync(join(this.directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }))
    symlinkSync(join(project, "node_modules"), join(this.directory, "node_modules"))
    writeFileSync(file, lines.join("\n"))
    this.server = new editors[editor](file, lines.join("\n"))
  }

  completions(mark: string): Promise<ReadonlyArray<string>> {
    return this.server.completions(this.placeOf(mark))
  }

  offered(mark: string, name: string): Promise<string> {
    return this.server.offered(this.placeOf(mark), name)
  }

  hover(mark: string): Promise<Hover> {
    return this.server.hover(this.placeOf(mark))
  }

  errors(): Promise<ReadonlyArray<string>> {
    return this.server.errors()
  }

  async close(): Promise<void> {
    await this.server.close()
    rmSync(this.directory, { recursive: true, force: true })
  }

  private placeOf(mark: string): Place {
    const place = this.places.get(mark)
    if (place === undefined) throw new Error(`the program has no mark ${mark}`)
    return place
  }
}
