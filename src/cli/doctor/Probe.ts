/**
 * A look at one address with a socket of its own, which never logs in: whether somebody listens there, in which form the
 * server speaks, and its certificate, which the client does not show.
 */
import * as Effect from "effect/Effect"
import * as net from "node:net"
import * as tls from "node:tls"
import type { Endpoint, TlsOptions } from "../../index.ts"
import type { CertificateFacts, ProbeFacts, TlsFacts } from "./facts/Facts.ts"

export interface ProbeOptions {
  /** The options of TLS; `undefined` for none. */
  readonly tls: TlsOptions | undefined
  /** Milliseconds. */
  readonly timeout: number
}

/** The result of one attempt, in one form. */
interface Attempt {
  readonly connectedIn: number | undefined
  readonly problem: string | undefined
  /** The first bytes that the server sent. */
  readonly first: string
  readonly tls: TlsFacts | undefined
}

const question = "PING\r\n"

/** The first bytes of a reply to PING, whatever it says: a refusal is a reply, too. */
const isReply = (first: string): boolean => /^[+-]/.test(first)

/** A refusal to every connection, in place of a reply; the text of one who asks for a password is none. */
const refusalIn = (first: string): string | undefined => {
  const [, text] = /^-((?:DENIED|ERR max)[^\r\n]*)/.exec(first) ?? []
  return text
}

const namesOf = (certificate: tls.PeerCertificate): ReadonlyArray<string> =>
  certificate.subjectaltname === undefined ? [] : certificate.subjectaltname.split(", ")

const commonName = (name: tls.Certificate | undefined): string => {
  const cn: string | ReadonlyArray<string> | undefined = name?.CN
  return cn === undefined ? "" : typeof cn === "string" ? cn : cn.join(" ")
}

const certificateOf = (socket: tls.TLSSocket): CertificateFacts | undefined => {
  const certificate = socket.getPeerCertificate(true)
  if (Object.keys(certificate).length === 0) return undefined
  let validTo = Date.parse(certificate.valid_to)
  // The root names itself as its issuer.
  const seen = new Set<tls.DetailedPeerCertificate>()
  for (let one = certificate; one !== undefined && !seen.has(one); one = one.issuerCertificate) {
    seen.add(one)
    validTo = Math.min(validTo, Date.parse(one.valid_to))
  }
  return {
    subject: commonName(certificate.subject),
    issuer: commonName(certificate.issuer),
    names: namesOf(certificate),
    validFrom: Date.parse(certificate.valid_from),
    validTo
  }
}

/** The code of an error, which is the better word for what happened. */
const wordOf = (error: Error): string => {
  const code = "code" in error && typeof error.code === "string" ? error.code : ""
  if (error.message === "" || error.message.includes(code)) return error.message === "" ? code : error.message
  return code === "" ? error.message : `${error.message} (${code})`
}

const tlsOf = (socket: tls.TLSSocket): TlsFacts => {
  // Node sets a text here, or an error, whatever the types say.
  const error: unknown = socket.authorizationError
  return {
    version: socket.getProtocol() ?? "unknown",
    certificate: certificateOf(socket),
    refusal: socket.authorized
      ? undefined
      : error instanceof Error
      ? "code" in error ? String(error.code) : error.message
      : String(error)
  }
}

const serverName = (endpoint: Endpoint, options: TlsOptions): string => {
  const name = options.servernameOf?.(endpoint) ?? options.servername ?? endpoint.host
  return net.isIP(name) === 0 ? name : ""
}

/** The socket of an attempt. It accepts every certificate, because it only looks and sends no password. */
const open = (endpoint: Endpoint, options: TlsOptions | undefined): net.Socket =>
  options === undefined
    ? net.connect({ host: endpoint.host, port: endpoint.port })
    : tls.connect({
      ...options,
      host: endpoint.host,
      port: endpoint.port,
      servername: serverName(endpoint, options),
      rejectUnauthorized: false
    })

const attempt = (endpoint: Endpoint, options: TlsOptions | undefined, timeout: number): Effect.Effect<Attempt> =>
  Effect.callback<Attempt>((resume) => {
    const started = performance.now()
    let connectedIn: number | undefined
    let tlsFacts: TlsFacts | undefined
    let socket: net.Socket | undefined
    const end = (problem: string | undefined, first = "") => {
      clearTimeout(timer)
      socket?.destroy()
      resume(Effect.succeed({ connectedIn, problem, first, tls: tlsFacts }))
    }
    const timer = setTimeout(
      () => end(connectedIn === undefined ? `no connection within ${timeout} ms` : `no answer within ${timeout} ms`),
      timeout
    )
    try {
      const opened = open(endpoint, options)
      socket = opened
      opened.on("connect", () => {
        connectedIn = performance.now() - started
        if (options === undefined) opened.write(question)
      })
      opened.on("secureConnect", () => {
        if (opened instanceof tls.TLSSocket) tlsFacts = tlsOf(opened)
        opened.write(question)
      })
      opened.on("data", (bytes) => end(undefined, bytes.toString("latin1")))
      opened.on("error", (error) => end(wordOf(error)))
      opened.on("close", () => end("the server closed the connection"))
    } catch (error) {
      // Options that Node refuses, such as a key that is none.
      end(error instanceof Error ? wordOf(error) : String(error))
    }
    return Effect.sync(() => {
      clearTimeout(timer)
      socket?.destroy()
    })
  })

/** Looks at an address, and tries the other form when a server is there and does not answer in the one asked for. */
export const probe: (endpoint: Endpoint, options: ProbeOptions) => Effect.Effect<ProbeFacts> = Effect.fnUntraced(
  function*(endpoint, options) {
    const first = yield* attempt(endpoint, options.tls, options.timeout)
    const form = options.tls === undefined ? "plain" : "tls"
    const refusal = refusalIn(first.first)
    if (isReply(first.first)) {
      return {
        connectedIn: first.connectedIn,
        answers: refusal === undefined,
        problem: refusal,
        speaks: form,
        tls: first.tls
      }
    }
    const silent = {
      connectedIn: first.connectedIn,
      answers: false,
      problem: first.problem ?? "the answer is none of a Redis server",
      speaks: first.tls === undefined ? undefined : form,
      tls: first.tls
    } as const
    if (first.connectedIn === undefined || first.tls !== undefined) return silent
    const other = yield* attempt(endpoint, options.tls === undefined ? {} : undefined, options.timeout)
    if (options.tls === undefined) return { ...silent, speaks: other.tls === undefined ? undefined : "tls" }
    return { ...silent, speaks: isReply(other.first) ? "plain" : undefined }
  }
)
