/** The nodes that a command line means: `--target`. */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type ClusterClientShape,
  type Endpoint,
  HashSlot,
  type RedisClusterException,
  type Target
} from "../../index.ts"
import { ExitCode, type Failure, failure } from "../output/Failure.ts"

/** The nodes in words, before they are looked up. */
export type Meant =
  | { readonly _tag: "Role"; readonly role: "all" | "primaries" | "replicas" | "random" }
  | { readonly _tag: "Nodes"; readonly nodes: ReadonlyArray<Endpoint> }
  | { readonly _tag: "Key"; readonly key: string }

/** An address in words: `host:port`, with an IPv6 host in brackets or without. */
export const endpointOf = (text: string): Endpoint | undefined => {
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text.trim()) ?? []
  return host === undefined || Number(port) > 65535 ? undefined : { host, port: Number(port) }
}

const ownerPrefix = "key="

export const parse = (text: string): Meant | undefined => {
  if (text === "all" || text === "primaries" || text === "replicas" || text === "random") {
    return { _tag: "Role", role: text }
  }
  if (text.startsWith(ownerPrefix)) return { _tag: "Key", key: text.slice(ownerPrefix.length) }
  const nodes = text.split(",").map(endpointOf)
  return nodes.every((node) => node !== undefined) ? { _tag: "Nodes", nodes } : undefined
}

export const flag: Flag.Flag<Meant | undefined> = Flag.String("target").pipe(
  Flag.withAlias("t"),
  Flag.withMetavar("nodes"),
  Flag.withDescription(
    "The nodes: all, primaries, replicas, random, host:port (several with commas), or key=NAME for its owner"
  ),
  Flag.filterMap(
    (text) => Option.fromUndefinedOr(parse(text)),
    () => "Expected all, primaries, replicas, random, host:port, or key=NAME"
  ),
  Flag.optional,
  Flag.map(Option.getOrUndefined)
)

/** The target that is meant, in the present topology. */
export const find = (
  redis: ClusterClientShape,
  meant: Meant
): Effect.Effect<Target, Failure | RedisClusterException> => {
  switch (meant._tag) {
    case "Role":
      return Effect.succeed(meant.role)
    case "Nodes":
      return Effect.forEach(meant.nodes, redis.nodeAt)
    case "Key":
      return Effect.flatMap(redis.ownerOf(meant.key), (node) =>
        node === undefined
          ? Effect.fail(failure(`Slot ${HashSlot.ofKey(meant.key)} of the key has no owner`, ExitCode.problem))
          : Effect.succeed(node))
  }
}
