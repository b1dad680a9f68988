/** The startup nodes that options name, as endpoints. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { unescape } from "node:querystring"
import type { ClusterOptions, Endpoint, StartupNode } from "../../index.ts"

/** The port of servers where a URL names none. */
const usualPort = 6379

/** Whether a text asks for TLS. */
const asksForTls = (text: string): boolean => /^(rediss|valkeys):/i.test(text)

/** The endpoints of a text: a URL, or `host:port`, several with commas. */
export const endpointsIn = (text: string): ReadonlyArray<Endpoint> => {
  const afterScheme = text.replace(/^[a-z]+:\/\//i, "")
  const hosts = afterScheme.slice(afterScheme.lastIndexOf("@") + 1).replace(/[/?#].*$/, "")
  return hosts.split(",").flatMap((part) => {
    const [, bracketed, host = bracketed, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(part.trim()) ?? []
    return host === undefined || host === "" ? [] : [{ host, port: port === undefined ? usualPort : Number(port) }]
  })
}

/** The user of a URL, such as `redis://user:password@host`. */
export const usernameIn = (text: string): string | undefined => {
  const [, name] = /^[a-z]+:\/\/([^:@/]+)(?::[^/]*)?@/i.exec(text) ?? []
  return name === undefined ? undefined : unescape(name)
}

const textOf = (node: StartupNode): string | Endpoint => Redacted.isRedacted(node) ? Redacted.value(node) : node

export interface Startup {
  readonly endpoints: ReadonlyArray<Endpoint>
  readonly tls: boolean
  /** The user that a URL names. */
  readonly username: string | undefined
  /** Whether a URL carries a password. */
  readonly hasPassword: boolean
}

/** The startup nodes of the options. An effect that finds them, such as one over SRV records, is run. */
export const startupOf: (options: ClusterOptions) => Effect.Effect<Startup, unknown> = Effect.fnUntraced(
  function*(options: ClusterOptions) {
    const named = Effect.isEffect(options.nodes) ? yield* options.nodes : options.nodes
    const nodes = (Array.isArray(named) ? named : [named]).map(textOf)
    const texts = nodes.filter((node) => typeof node === "string")
    const tls = options.tls === undefined ? texts.some(asksForTls) : options.tls !== false
    const endpoints = nodes.flatMap((node) => typeof node === "string" ? endpointsIn(node) : [node])
    return {
      endpoints,
      tls,
      username: texts.map(usernameIn).find((name) => name !== undefined),
      hasPassword: options.password !== undefined || options.credentials !== undefined ||
        texts.some((text) => text.includes("@"))
    }
  }
)
