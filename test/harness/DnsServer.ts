/**
 * A DNS server on loopback that knows what a test tells it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as dgram from "node:dgram"

export type DnsRecord =
  | { readonly type: "A"; readonly address: string }
  | {
    readonly type: "SRV"
    readonly priority: number
    readonly weight: number
    readonly port: number
    readonly target: string
  }

const types = { A: 1, SRV: 33 } as const

const encodeName = (name: string): Buffer =>
  Buffer.concat([
    ...name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0])
  ])

const numbers = (...values: ReadonlyArray<number>): Buffer => {
  const buffer = Buffer.alloc(values.length * 2)
  values.forEach((value, i) => buffer.writeUInt16BE(value, i * 2))
  return buffer
}

const dataOf = (record: DnsRecord): Buffer =>
  record.type === "A"
    ? Buffer.from(record.address.split(".").map(Number))
    : Buffer.concat([numbers(record.priority, record.weight, record.port), encodeName(record.target)])

/** The answer to a query of one question (RFC 1035, section 4). */
const answer = (
  query: Buffer,
  recordsOf: (name: string) => ReadonlyArray<DnsRecord> | undefined
): Buffer | undefined => {
  const labels: Array<string> = []
  let at = 12
  while (query[at] !== 0) {
    labels.push(query.subarray(at + 1, at + 1 + query[at]).toString())
    at += 1 + query[at]
  }
  const question = query.subarray(12, at + 5)
  const type = query.readUInt16BE(at + 1)
  const known = recordsOf(labels.join("."))
  if (known === undefined) return undefined
  const records = known.filter((record) => types[record.type] === type)
  const nxdomain = known.length === 0 ? 3 : 0
  return Buffer.concat([
    query.subarray(0, 2),
    numbers(0x8180 | nxdomain, 1, records.length, 0, 0),
    question,
    ...records.map((record) => {
      const data = dataOf(record)
      // The name of the question, class IN, no caching.
      return Buffer.concat([numbers(0xc00c, types[record.type], 1, 0, 0, data.length), data])
    })
  ])
}

/** Its address. No record is "no such name", `undefined` is silence. */
export const make = (
  recordsOf: (name: string) => ReadonlyArray<DnsRecord> | undefined
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<dgram.Socket>((resume) => {
        const socket = dgram.createSocket("udp4")
        socket.on("message", (query, from) => {
          const reply = answer(query, recordsOf)
          if (reply !== undefined) socket.send(reply, from.port, from.address)
        })
        socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)))
      }),
      (socket) => Effect.callback<void>((resume) => void socket.close(() => resume(Effect.void)))
    ),
    (socket) => `127.0.0.1:${socket.address().port}`
  )
