/**
 * One real server in cluster mode that owns all slots, and a bare connection to it, for the tests of the commands.
 */
import { connect, type Socket } from "node:net"
import type { Command } from "../../src/commands/Command.ts"
import { type Argument, type Reply, ServerError } from "../../src/protocol/Reply.ts"
import * as lone from "../harness/lone.ts"

/** Marks bytes that do not yet hold a whole reply. */
const incomplete = Symbol()

/** Reads one reply at a time, RESP2 or RESP3, from all bytes so far. Simple rather than fast. */
class Reader {
  buffer: Buffer = Buffer.alloc(0)
  private at = 0
  private readonly binary: () => boolean

  constructor(binary: () => boolean) {
    this.binary = binary
  }

  next(): Reply | typeof incomplete {
    this.at = 0
    try {
      const reply = this.read()
      this.buffer = this.buffer.subarray(this.at)
      return reply
    } catch (cause) {
      if (cause === incomplete) return incomplete
      throw cause
    }
  }

  private line(): string {
    const end = this.buffer.indexOf("\r\n", this.at)
    if (end === -1) throw incomplete
    const text = this.buffer.toString("utf8", this.at, end)
    this.at = end + 2
    return text
  }

  private many(count: number): Array<Reply> {
    const result: Array<Reply> = []
    for (let i = 0; i < count; i++) result.push(this.read())
    return result
  }

  private read(): Reply {
    const line = this.line()
    const rest = line.slice(1)
    switch (line[0]) {
      case "+":
        return rest
      case "-":
        return new ServerError(rest)
      case ":": {
        const value = Number(rest)
        return Number.isSafeInteger(value) ? value : BigInt(rest)
      }
      case "(":
        return BigInt(rest)
      case ",":
        return rest === "inf" ? Infinity : rest === "-inf" ? -Infinity : Number(rest)
      case "#":
        return rest === "t"
      case "_":
        return null
      case "$":
      case "=": {
        const length = Number(rest)
        if (length === -1) return null
        if (this.buffer.length < this.at + length + 2) throw incomplete
        let bytes = this.buffer.subarray(this.at, this.at + length)
        this.at += length + 2
        if (line[0] === "=") bytes = bytes.subarray(4)
        return this.binary() ? new Uint8Array(bytes) : bytes.toString("utf8")
      }
      case "*":
        return rest === "-1" ? null : this.many(Number(rest))
      case "~":
        return new Set(this.many(Number(rest)))
      case "%": {
        const flat = this.many(Number(rest) * 2)
        const map = new Map<Reply, Reply>()
        for (let i = 0; i < flat.length; i += 2) map.set(flat[i], flat[i + 1])
        return map
      }
      default:
        throw new Error(`unknown reply ${line}`)
    }
  }
}

const encode = (words: ReadonlyArray<Argument>): Buffer => {
  const parts: Array<Buffer> = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = Buffer.from(word as string)
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"))
  }
  return Buffer.concat(parts)
}

/** The words of a command as they go over the wire. */
export const words = (command: Command<unknown>): ReadonlyArray<Argument> => [
  ...command.spec.name.split(" "),
  ...command.args
]

/** A connection that does one thing after another. */
export class Client {
  private binary = false
  private readonly reader = new Reader(() => this.binary)
  private waiting: ((reply: Reply) => void) | undefined
  private readonly socket: Socket

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on("data", (chunk) => {
      this.reader.buffer = Buffer.concat([this.reader.buffer, chunk])
      const reply = this.reader.next()
      if (reply === incomplete) return
      this.waiting?.(reply)
    })
  }

  static async open(port: number, protocol: 2 | 3, host = "127.0.0.1"): Promise<Client> {
    const socket = connect(port, host)
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject))
    const client = new Client(socket)
    await client.send(["HELLO", String(protocol)])
    return client
  }

  send(words: ReadonlyArray<Argument>, binary = false): Promise<Reply> {
    this.binary = binary
    return new Promise((resolve) => {
      this.waiting = resolve
      this.socket.write(encode(words))
    })
  }

  /** Sends a command by its own prefix, and gives what it decodes. */
  async run<A>(command: Command<A>): Promise<unknown> {
    const reply = await this.send(words(command), command.settings.binary)
    return reply instanceof ServerError ? reply : command.decode(reply)
  }

  close(): void {
    this.socket.destroy()
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** The names in a reply of `COMMAND` over RESP2, subcommands in the place of their containers, `HELP` left out. */
export const leafCommands = (reply: Reply): ReadonlyArray<string> =>
  (reply as ReadonlyArray<ReadonlyArray<Reply>>).flatMap((row) => {
    const subcommands = (row[9] as ReadonlyArray<ReadonlyArray<Reply>>).map((subcommand) => subcommand[0])
    // COMMAND is a container, and a command itself.
    return subcommands.length === 0 ? [row[0]] : row[0] === "command" ? [row[0], ...subcommands] : subcommands
  }).map((name) => String(name).replace("|", " ").toUpperCase()).filter((name) => !name.endsWith(" HELP"))

/** Starts a server that owns all slots. */
export const startServer = async (binary?: string): Promise<lone.LoneServer> => {
  const server = await lone.start(["--cluster-enabled", "yes", "--latency-monitor-threshold", "1"], binary)
  const client = await Client.open(server.port, 2)
  await client.send(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
  for (let state = ""; !state.includes("cluster_state:ok"); await pause(20)) {
    state = String(await client.send(["CLUSTER", "INFO"]))
  }
  client.close()
  return server
}
