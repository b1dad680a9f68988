/**
 * The flags with which every command connects, and the client that they describe. A flag wins over the variable of the
 * environment (`ClusterConfig` lists these) that means the same.
 */
import * as Argument from "effect/cli/Argument"
import type * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Path } from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as Terminal from "effect/Terminal"
import {
  addressOf,
  ClusterClient,
  ClusterConfig,
  type ClusterOptions,
  type Endpoint,
  type RedisClusterException,
  type TlsOptions
} from "../../index.ts"
import { type Failure, failure } from "../output/Failure.ts"
import { Screen } from "../output/Screen.ts"
import { durationOf } from "./duration.ts"

const optionalFlag = <A>(flag: Flag.Flag<A>): Flag.Flag<A | undefined> =>
  Flag.map(Flag.optional(flag), Option.getOrUndefined)

const on = (name: string, description: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false))

/** A flag for a duration: `500ms`, `5s`, `2m`. */
export const durationFlag = (name: string): Flag.Flag<Duration.Duration> =>
  Flag.String(name).pipe(
    Flag.withMetavar("5s"),
    Flag.filterMap(
      (text) => Option.fromUndefinedOr(durationOf(text)),
      () => "Expected a time with its unit, such as 500ms, 5s or 2m"
    )
  )

/** A startup node in words. */
const urlText = "redis://host:port, rediss://host:port (TLS) or host:port; several with commas or one after the other"

/** The flags of the connection but for the URLs. */
const shared = {
  username: optionalFlag(
    Flag.String("username").pipe(
      Flag.withMetavar("name"),
      Flag.withDescription("The ACL user (else REDIS_USERNAME)")
    )
  ),
  askPassword: on("ask-password", "Asks for the password, unseen (else REDIS_PASSWORD or REDISCLI_AUTH)"),
  tls: on("tls", "Connects with TLS, as rediss:// does"),
  ca: optionalFlag(
    Flag.FileText("ca").pipe(
      Flag.withMetavar("file"),
      Flag.withDescription("The certificates that are trusted, in PEM")
    )
  ),
  cert: optionalFlag(
    Flag.FileText("cert").pipe(
      Flag.withMetavar("file"),
      Flag.withDescription("The client's own certificate, in PEM")
    )
  ),
  key: optionalFlag(
    Flag.FileText("key").pipe(
      Flag.withMetavar("file"),
      Flag.withDescription("The key of the client's certificate, in PEM")
    )
  ),
  serverName: optionalFlag(
    Flag.String("server-name").pipe(
      Flag.withMetavar("name"),
      Flag.withDescription("The name that the servers' certificates must have")
    )
  ),
  insecure: on("insecure", "Does not check the servers' certificates: for tests only"),
  map: Flag.KeyValuePair("map").pipe(
    Flag.withMetavar("announced=reachable"),
    Flag.withDescription("Reaches an announced address at another one: 10.0.0.1:6379=localhost:7000"),
    Flag.withDefault({})
  ),
  resp2: on("resp2", "Speaks RESP2 in place of RESP3"),
  timeout: optionalFlag(
    durationFlag("timeout").pipe(
      Flag.withDescription("The time that a command and a connection may take (default: 5s)")
    )
  )
}

/** The flags of a command whose arguments are no URLs. */
export const flags = {
  urls: Flag.String("url").pipe(
    Flag.withAlias("u"),
    Flag.withMetavar("url"),
    Flag.withDescription(`A node of the cluster: ${urlText} (else REDIS_CLUSTER_URL, REDIS_URL, REDIS_NODES)`),
    Flag.atLeast(0)
  ),
  ...shared
}

/** The flags of a command whose arguments are the URLs of a cluster. */
export const withUrls = {
  urls: Argument.String("url").pipe(
    Argument.withDescription(`A node of the cluster: ${urlText} (else REDIS_CLUSTER_URL, REDIS_URL, REDIS_NODES)`),
    Argument.variadic()
  ),
  ...shared
}

/** The parsed flags. */
export interface Connecting {
  readonly urls: ReadonlyArray<string>
  readonly username: string | undefined
  readonly askPassword: boolean
  readonly tls: boolean
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly serverName: string | undefined
  readonly insecure: boolean
  readonly map: Record<string, string>
  readonly resp2: boolean
  readonly timeout: Duration.Duration | undefined
}

/** The services that the options need. */
export type Environment = Screen | Terminal.Terminal | FileSystem | Path

/** Asks for the password on the standard error, so that the output stays the result. */
const askPassword = Effect.fnUntraced(function*() {
  const terminal = yield* Terminal.Terminal
  const screen = yield* Screen
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  if (!canPrompt && !screen.canAnimate) {
    return yield* failure("--ask-password needs a terminal to ask at: set REDIS_PASSWORD in its place")
  }
  return yield* Prompt.run(Prompt.Hidden({ message: "Password of the cluster" })).pipe(
    Effect.provideService(Terminal.Terminal, Terminal.make({ ...terminal, display: screen.draw })),
    Effect.catchTag("QuitError", () => Effect.interrupt)
  )
})

const reachable = (given: string): Endpoint | undefined => {
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(given) ?? []
  return host === undefined ? undefined : { host, port: Number(port) }
}

/** The option `mapAddress` from pairs of addresses. */
const mapping = Effect.fnUntraced(function*(pairs: Readonly<Record<string, string>>) {
  const known = new Map<string, Endpoint>()
  for (const [announced, other] of Object.entries(pairs)) {
    const [from, to] = [reachable(announced), reachable(other)]
    if (from === undefined || to === undefined) {
      return yield* failure(`--map ${announced}=${other} has to be host:port=host:port`)
    }
    known.set(addressOf(from), to)
  }
  return known.size === 0 ? undefined : (endpoint: Endpoint): Endpoint => known.get(addressOf(endpoint)) ?? endpoint
})

const firstSet = (...names: ReadonlyArray<string>): Config.Config<Option.Option<Redacted.Redacted>> =>
  names.map((name) => Config.option(Config.Redacted(name))).reduceRight((later, one) =>
    Config.map(Config.all([one, later]), ([value, other]) => Option.orElse(value, () => other))
  )

const tlsOf = (given: Connecting, set: Partial<ClusterOptions>): boolean | TlsOptions | undefined => {
  const own = {
    ...(given.ca === undefined ? {} : { ca: given.ca }),
    ...(given.cert === undefined ? {} : { cert: given.cert }),
    ...(given.key === undefined ? {} : { key: given.key }),
    ...(given.serverName === undefined ? {} : { servername: given.serverName }),
    ...(given.insecure ? { rejectUnauthorized: false } : {})
  }
  // The variables hold no effect.
  const inherited = typeof set.tls === "object" && !Effect.isEffect(set.tls) ? set.tls : {}
  if (Object.keys(own).length > 0) return { ...inherited, ...own }
  return given.tls && Object.keys(inherited).length === 0 ? true : set.tls as boolean | TlsOptions | undefined
}

/** The options of the client that the flags and the environment describe. */
export const options: (
  given: Connecting
) => Effect.Effect<
  ClusterOptions,
  Failure | Config.ConfigError | CliError.CliError,
  Environment
> = Effect.fnUntraced(function*(given: Connecting) {
  const url = yield* firstSet("REDIS_CLUSTER_URL")
  const nodes = given.urls.length > 0 ? given.urls.join(",") : Option.getOrUndefined(Option.map(url, Redacted.value))
  const set = yield* ClusterConfig.partial().pipe(
    Effect.provideService(
      ConfigProvider.ConfigProvider,
      ConfigProvider.orElse(
        ConfigProvider.fromEnv({ env: nodes === undefined ? {} : { REDIS_NODES: nodes } }),
        yield* ConfigProvider.ConfigProvider
      )
    )
  )
  if (set.nodes === undefined) {
    return yield* failure(
      "No cluster is named: give the URL of one of its nodes, such as redis://localhost:7000, or set REDIS_CLUSTER_URL"
    )
  }
  const password = given.askPassword
    ? yield* askPassword()
    : Option.getOrUndefined(yield* firstSet("REDIS_PASSWORD", "REDISCLI_AUTH"))
  const mapAddress = yield* mapping(given.map)
  const tls = tlsOf(given, set)
  return {
    libName: "cli",
    ...set,
    nodes: set.nodes,
    ...(given.username === undefined ? {} : { username: given.username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    ...(mapAddress === undefined ? {} : { mapAddress }),
    ...(given.resp2 ? { protocol: 2 } : {}),
    ...(given.timeout === undefined ? {} : { commandTimeout: given.timeout, connectTimeout: given.timeout })
  }
})

/** Gives a command that has the flags `connecting` the client that they describe. */
export const connected = <
  const Name extends string,
  Input extends { readonly connecting: Connecting },
  ContextInput,
  E,
  R
>(
  self: Command.Command<Name, Input, ContextInput, E, R>
): Command.Command<
  Name,
  Input,
  ContextInput,
  E | Failure | Config.ConfigError | CliError.CliError | RedisClusterException,
  Exclude<R, ClusterClient> | Environment
> =>
  Command.provide(
    self,
    ({ connecting }: Input) => Layer.unwrap(Effect.map(options(connecting), ClusterClient.layer))
  )
