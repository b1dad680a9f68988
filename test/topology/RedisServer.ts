/**
 * A real server on a free port of the loopback interface, and the simplest client that reads its replies.
 */
import { once } from "node:events"
import * as Net from "node:net"
import { type Argument, type Reply, ServerError } from "../../src/protocol/Reply.ts"
import * as lone from "../harness/lone.ts"

export interface RedisServer extends AsyncDisposable {
  readonly call: (...words: ReadonlyArray<Argument>) => Promise<Reply>
}

/** Starts a server; disposing it ends the process and removes its directory. */
export const start = async (...options: ReadonlyArray<string>): Promise<RedisServer> => {
  const server = await lone.start(options)
  const client = await connect("127.0.0.1", server.port)
  return {
    call: client.call,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]()
      await server.stop()
    }
  }
}

/** Opens a connection to a server that runs already. */
export const connect = async (host: string, port: number): Promise<RedisServer> => {
  const socket = Net.connect({ host, port, noDelay: true })
  await once(socket, "connect")
  const waiting: Array<{ resolve: (reply: Reply) => void; reject: (error: Error) => void }> = []
  let received = Buffer.alloc(0)
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk])
    for (let read = parse(received, 0); read !== undefined; read = parse(received, 0)) {
      received = received.subarray(read.end)
      waiting.shift()?.resolve(read.reply)
    }
  })
  socket.on("error", () => undefined)
  socket.on("close", () => {
    for (const { reject } of waiting.splice(0)) reject(new Error("the server closed the connection"))
  })
  return {
    call: (...words) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        const parts = words.flatMap((word) => {
          const bytes = Buffer.from(word)
          return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]
        })
        socket.write(Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]))
      }),
    [Symbol.asyncDispose]: async () => {
      socket.destroy()
    }
  }
}

const parse = (bytes: Buffer, at: number): { readonly reply: Reply; readonly end: number } | undefined => {
  const lineEnd = bytes.indexOf("\r\n", at)
  if (lineEnd === -1) return undefined
  const line = bytes.toString("utf8", at + 1, lineEnd)
  const next = lineEnd + 2
  switch (bytes[at]) {
    case 0x2b:
      return { reply: line, end: next }
    case 0x2d:
      return { reply: new ServerError(line), end: next }
    case 0x3a:
      return { reply: Number(line), end: next }
    case 0x24: {
      const length = Number(line)
      if (length < 0) return { reply: null, end: next }
      if (bytes.length < next + length + 2) return undefined
      return { reply: bytes.toString("utf8", next, next + length), end: next + length + 2 }
    }
    case 0x2a:
      return Number(line) < 0 ? { reply: null, end: next } : aggregate(bytes, next, Number(line), (items) => items)
    case 0x7e:
      return aggregate(bytes, next, Number(line), (items) => new Set(items))
    case 0x25:
      return aggregate(bytes, next, Number(line) * 2, (items) => {
        const map = new Map<Reply, Reply>()
        for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1])
        return map
      })
    default:
      throw new Error(`a reply of an unexpected type: ${line}`)
  }
}

const aggregate = (
  bytes: Buffer,
  at: number,
  count: number,
  make: (items: ReadonlyArray<Reply>) => Reply
): { readonly reply: Reply; readonly end: number } | undefined => {
  const items: Array<Reply> = []
  let end = at
  for (let i = 0; i < count; i++) {
    const item = parse(bytes, end)
    if (item === undefined) return undefined
    items.push(item.reply)
    end = item.end
  }
  return { reply: make(items), end }
}
