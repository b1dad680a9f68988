/**
 * Finds the startup nodes by DNS, for the option `nodes`: at the start, and again whenever no known node answers.
 *
 * **Example** (Nodes behind a name)
 *
 * ```ts
 * import { ClusterClient, Discovery } from "effect-redis-cluster"
 *
 * // Every address of a headless service in Kubernetes.
 * export const byAddress = ClusterClient.layer({ nodes: Discovery.dns("redis.default.svc.cluster.local", 6379) })
 *
 * // Hosts and ports from SRV records.
 * export const byRecord = ClusterClient.layer({ nodes: Discovery.srv("_redis._tcp.example.com") })
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as nodeDns from "node:dns"
import type { Endpoint } from "./cluster/Endpoint.ts"
import * as checks from "./internal/checks.ts"
import { millisOf } from "./internal/millis.ts"
import { ConnectionError, exception, OptionsError, type RedisClusterException } from "./RedisClusterException.ts"

/**
 * Options of `Discovery.srv` and `Discovery.dns`: the DNS servers, and their time.
 *
 * @category models
 * @since 0.1.0
 */
export interface DiscoveryOptions {
  /** The DNS servers to ask, as `"address"` or `"address:port"`. Default: those of the system. */
  readonly servers?: ReadonlyArray<string> | undefined
  /** The time in which a server has to answer; each is asked twice. A bare number is milliseconds. Default: 500 milliseconds. */
  readonly timeout?: Duration.Input | undefined
}

type Done<A> = (error: NodeJS.ErrnoException | null, found: A) => void

const optionChecks: checks.Checks<DiscoveryOptions> = {
  servers: (value) => Array.isArray(value) ? undefined : "a list of addresses",
  timeout: checks.duration(1, true)
}

const invalid = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted" }))

const makeResolver = (options: DiscoveryOptions): Effect.Effect<nodeDns.Resolver, RedisClusterException> => {
  const problems = checks.problemsOf(options, optionChecks)
  if (problems.length > 0) return Effect.fail(invalid(`Discovery: ${problems.join("; ")}`))
  const { servers, timeout = 500 } = options
  return Effect.try({
    try: () => {
      const resolver = new nodeDns.Resolver({ timeout: Math.ceil(millisOf(timeout)), tries: 2 })
      if (servers !== undefined) resolver.setServers(servers)
      return resolver
    },
    catch: () => invalid("the DNS servers have to be addresses (10.0.0.2, 10.0.0.2:53, [::1]:53)")
  })
}

const notFound = (what: string, cause: string): RedisClusterException =>
  exception(() =>
    new ConnectionError({
      message: `DNS has no ${what}: ${cause}; check the name, and the servers that are asked`,
      outcome: "NotExecuted"
    })
  )

/** Asks one DNS question. An interruption cancels it. */
const ask = <A>(
  record: string,
  name: string,
  options: DiscoveryOptions,
  question: (resolver: nodeDns.Resolver, done: Done<ReadonlyArray<A>>) => void
): Effect.Effect<ReadonlyArray<A>, RedisClusterException> => {
  const expected = checks.text(name)
  if (expected !== undefined) return Effect.fail(invalid(`Discovery: the name has to be ${expected}`))
  return Effect.flatMap(makeResolver(options), (resolver) =>
    Effect.callback((resume) => {
      question(resolver, (error, found) =>
        resume(
          error === null
            ? Effect.succeed(found)
            : Effect.fail(notFound(`${record} ${name}`, error.code ?? error.message))
        ))
      return Effect.sync(() => resolver.cancel())
    }))
}

/**
 * The records by priority. Records of one priority are shuffled: the higher its weight, the more often a record comes
 * first (RFC 2782).
 */
const inOrder = (records: ReadonlyArray<nodeDns.SrvRecord>): Effect.Effect<ReadonlyArray<nodeDns.SrvRecord>> =>
  Effect.map(
    Effect.forEach(
      records,
      (record) => Effect.map(Random.next, (chance) => ({ record, rank: chance ** (1 / (record.weight + 0.01)) }))
    ),
    (ranked) =>
      ranked.toSorted((a, b) => a.record.priority - b.record.priority || b.rank - a.rank).map(({ record }) => record)
  )

/**
 * Finds the hosts and ports of SRV records, in the order of their priority and weight, for the option `nodes`.
 *
 * **Details**
 *
 * The effect fails with `ConnectionError` when the name has no records or DNS does not answer within `timeout`, and with
 * `OptionsError` for a name or options that cannot be used. Of records with one priority, those with more weight come
 * first more often.
 *
 * **Example** (A headless service)
 *
 * ```ts
 * import { ClusterClient, Discovery } from "effect-redis-cluster"
 *
 * export const client = ClusterClient.layer({ nodes: Discovery.srv("_redis._tcp.redis.default.svc.cluster.local") })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const srv = (
  name: string,
  options: DiscoveryOptions = {}
): Effect.Effect<ReadonlyArray<Endpoint>, RedisClusterException> =>
  ask<nodeDns.SrvRecord>("SRV record", name, options, (resolver, done) => resolver.resolveSrv(name, done)).pipe(
    Effect.flatMap(inOrder),
    Effect.map((records) => records.map((record) => ({ host: record.name, port: record.port })))
  )

/**
 * Finds every address of a host, those of IPv4 (A records) in front of those of IPv6 (AAAA), each with the given port,
 * for the option `nodes`.
 *
 * **When to use**
 *
 * Use it for a name with the addresses of many nodes. A startup node that is given by its name is resolved on each
 * attempt as well, but only few of its addresses are tried.
 *
 * **Details**
 *
 * The effect fails with `ConnectionError` when the host has no address or DNS does not answer within `timeout`, and with
 * `OptionsError` for a name or options that cannot be used.
 *
 * **Gotchas**
 *
 * Only the DNS servers are asked, not the file `hosts` of the machine.
 *
 * **Example** (All addresses of a name)
 *
 * ```ts
 * import { ClusterClient, Discovery } from "effect-redis-cluster"
 *
 * export const client = ClusterClient.layer({ nodes: Discovery.dns("redis.internal", 6379) })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const dns = (
  host: string,
  port: number,
  options: DiscoveryOptions = {}
): Effect.Effect<ReadonlyArray<Endpoint>, RedisClusterException> =>
  Effect.all([
    Effect.result(ask<string>("A record", host, options, (resolver, done) => resolver.resolve4(host, done))),
    Effect.result(ask<string>("AAAA record", host, options, (resolver, done) => resolver.resolve6(host, done)))
  ], { concurrency: "unbounded" }).pipe(
    Effect.flatMap(([four, six]) => {
      const found = [four, six].flatMap((answer) => Result.isSuccess(answer) ? answer.success : [])
      return Result.isFailure(four) && found.length === 0 ? Effect.fail(four.failure) : Effect.succeed(found)
    }),
    Effect.map((found) => found.map((address) => ({ host: address, port })))
  )
