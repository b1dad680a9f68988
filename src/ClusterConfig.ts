/**
 * The options of a client from `Config`: environment variables, or whatever the `ConfigProvider` reads.
 *
 * | Variable | Option |
 * | --- | --- |
 * | `REDIS_URL` or `REDIS_NODES` | `nodes`: URLs (`redis://`, `rediss://`) or `host:port`, several separated by commas; `REDIS_NODES` wins |
 * | `REDIS_SRV` | `nodes`: the name of SRV records, when neither of the others is set |
 * | `REDIS_USERNAME`, `REDIS_PASSWORD` | `username`, `password` |
 * | `REDIS_TLS` | `tls`: `true` or `false`; `true` when one of the next four is set |
 * | `REDIS_TLS_CA`, `REDIS_TLS_CERT`, `REDIS_TLS_KEY` | `tls`: a PEM text, or the path of a file that holds one |
 * | `REDIS_TLS_SERVERNAME` | `tls.servername` |
 * | `REDIS_READ_FROM` | `readFrom`: the policy of that name in `ReadFrom` (`primary`, `replicaPreferred`, `nearest` ...) |
 * | `REDIS_CLIENT_NAME`, `REDIS_COMMAND_TIMEOUT` ... | the option of that name; durations as `5 seconds`, `500 millis`, `Infinity`; sizes as `64 MiB`, or in bytes |
 *
 * A provider of nested objects (a JSON or YAML file) is read as well, by the names of the options: `{ redis: { url, commandTimeout, tls: { ca } } }`. There `nodes` may
 * be a list. A variable wins over it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { readFile } from "node:fs/promises"
import type { ClusterOptions, TlsOptions } from "./ClusterOptions.ts"
import * as Discovery from "./Discovery.ts"
import * as ReadFrom from "./ReadFrom.ts"

/** The error of a variable. The message says what is wrong, and never shows the value. */
const problem = (name: string, message: string): Config.ConfigError =>
  new Config.ConfigError(
    new Schema.SchemaError(new SchemaIssue.Pointer([name], new SchemaIssue.InvalidValue({ message })))
  )

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> => Config.withDefault(config, undefined)

const hasScheme = (text: string): boolean => text.includes("://")

/**
 * A list separated by commas. A password may hold commas as well: a part with an `@` and without a scheme belongs to
 * the URL before it. The parts are redacted, because a URL may hold a password.
 */
const nodeList = (list: Redacted.Redacted): ReadonlyArray<Redacted.Redacted> => {
  const nodes: Array<string> = []
  for (const part of Redacted.value(list).split(",")) {
    const from = hasScheme(part) || !part.includes("@") ? -1 : nodes.findLastIndex(hasScheme)
    if (from < 0) nodes.push(part)
    else nodes.push([...nodes.splice(from), part].join(","))
  }
  return nodes.map((node) => node.trim()).filter((node) => node !== "").map((node) =>
    Redacted.make(hasScheme(node) ? node : `redis://${node}`)
  )
}

const words: Readonly<Record<string, boolean | undefined>> = {
  ...{ true: true, yes: true, on: true, 1: true, y: true },
  ...{ false: false, no: false, off: false, 0: false, n: false }
}

/** A boolean, in upper or lower case. */
const flag = (name: string): Config.Config<boolean> =>
  Config.mapEffect(Config.String(name), (value) => {
    const meant = words[value.trim().toLowerCase()]
    return meant === undefined ? Effect.fail(problem(name, "expected true or false")) : Effect.succeed(meant)
  })

/** A number of bytes: `67108864`, `64 MiB`. */
const size = (name: string): Config.Config<number> =>
  Config.orElse(Config.Int(name), () => Config.map(Config.ByteSize(name), Number))

/** A word of a list, in upper or lower case. */
const literal = <const L extends ReadonlyArray<string>>(name: string, literals: L): Config.Config<L[number]> =>
  Config.mapEffect(Config.String(name), (value) => {
    const meant = literals.find((literal) => literal.toLowerCase() === value.trim().toLowerCase())
    return meant === undefined
      ? Effect.fail(problem(name, `expected ${literals.join(", ")}`))
      : Effect.succeed(meant as L[number])
  })

/** The name of an option as objects have it: `COMMAND_TIMEOUT` is `commandTimeout`. */
const inObjects = (name: string): string =>
  name.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Reads one option: from the variable whose name consists of these words, else from the place of the same name in nested objects. */
type Read = <A>(
  config: (name: string) => Config.Config<A>,
  ...words: ReadonlyArray<string>
) => Config.Config<A | undefined>

const reader = (prefix: string): Read => (config, ...words) => {
  const path = [prefix, ...words].map(inObjects)
  const nested = path.slice(0, -1).reduceRight(
    (inner, name) => Config.nested(inner, name),
    config(path[path.length - 1])
  )
  return Config.map(
    Config.all([optional(config([prefix, ...words].join("_"))), optional(nested)]),
    ([variable, object]) => variable ?? object
  )
}

const texts = (name: string): Config.Config<ReadonlyArray<string>> => Config.schema(Schema.Array(Schema.String), name)

/** The startup nodes; `undefined` when nothing names one. */
const nodes = (read: Read): Config.Config<ClusterOptions["nodes"] | undefined> =>
  Config.all([
    read(Config.Redacted, "NODES"),
    read(texts, "NODES"),
    read(Config.Redacted, "URL"),
    read(Config.NonEmptyString, "SRV")
  ]).pipe(
    Config.map(([many, list, one, srv]) => {
      if (many !== undefined) return nodeList(many)
      if (list !== undefined) return list.flatMap((node) => nodeList(Redacted.make(node)))
      if (one !== undefined) return nodeList(one)
      return srv === undefined ? undefined : Discovery.srv(srv)
    })
  )

/** A PEM text as it is, or in one line with `\n` for its line ends, or the path of a file. */
const pem = (name: string): Config.Config<string> =>
  Config.mapEffect(Config.Redacted(name), (redacted) => {
    const value = Redacted.value(redacted)
    if (value.includes("-----BEGIN")) return Effect.succeed(value.replaceAll("\\n", "\n"))
    return Effect.tryPromise({
      try: () => readFile(value, "utf8"),
      // The path may be a key that lost its first line.
      catch: (error) =>
        problem(name, `expected a PEM text or the path of a file, which cannot be read (${codeOf(error)})`)
    }).pipe(
      Effect.filterOrFail(
        (text) => text.includes("-----BEGIN"),
        () => problem(name, "the file that it names holds no PEM text (-----BEGIN ...)")
      )
    )
  })

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown error"

const tls = (read: Read): Config.Config<boolean | TlsOptions | undefined> =>
  Config.all({
    wanted: read(flag, "TLS"),
    ca: read(pem, "TLS", "CA"),
    cert: read(pem, "TLS", "CERT"),
    key: read(pem, "TLS", "KEY"),
    servername: read(Config.NonEmptyString, "TLS", "SERVERNAME")
  }).pipe(
    Config.map(({ wanted, ...given }) => {
      const options = onlyGiven(given)
      return wanted === false || Object.keys(options).length === 0 ? wanted : options
    })
  )

const policy = (name: string): Config.Config<ReadFrom.Policy> =>
  Config.map(
    literal(name, Object.keys(ReadFrom.byName)),
    // The name is a key of `byName`.
    (policy) => ReadFrom.byName[policy as keyof typeof ReadFrom.byName]
  )

/** The options that are not `undefined`: an `undefined` option would hide a default. */
const onlyGiven = <A extends object>(options: A): { [K in keyof A]?: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    // `fromEntries` loses the types of single keys.
    [K in keyof A]?: Exclude<A[K], undefined>
  }

/**
 * The config of the options for which a variable with the given prefix (default: `REDIS`) is set.
 *
 * **When to use**
 *
 * Use it to combine variables with options that a variable cannot express. `ClusterClient.layerEnv` does that with
 * defaults of the program.
 *
 * **Details**
 *
 * It fails with a `ConfigError` that names the variable, and not its value, when a value is invalid. An option that no
 * variable sets is absent, and not `undefined`.
 *
 * **Example** (Variables over a file)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterConfig } from "effect-redis-cluster"
 *
 * export const options = Effect.gen(function*() {
 *   const set = yield* ClusterConfig.partial()
 *   return { nodes: "redis://127.0.0.1:7000", ...set }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const partial = (prefix = "REDIS"): Config.Config<Partial<ClusterOptions>> => {
  const read = reader(prefix)
  return Config.map(
    Config.all({
      nodes: nodes(read),
      username: read(Config.NonEmptyString, "USERNAME"),
      password: read(Config.Redacted, "PASSWORD"),
      clientName: read(Config.NonEmptyString, "CLIENT_NAME"),
      libName: read(Config.NonEmptyString, "LIB_NAME"),
      logCommands: read(flag, "LOG_COMMANDS"),
      tls: tls(read),
      commandTimeout: read(Config.Duration, "COMMAND_TIMEOUT"),
      connectTimeout: read(Config.Duration, "CONNECT_TIMEOUT"),
      drainTimeout: read(Config.Duration, "DRAIN_TIMEOUT"),
      keepAlive: read(Config.Duration, "KEEP_ALIVE"),
      pingAfter: read(Config.Duration, "PING_AFTER"),
      pingTimeout: read(Config.Duration, "PING_TIMEOUT"),
      maxRedirects: read(Config.Int, "MAX_REDIRECTS"),
      refreshInterval: read(Config.Duration, "REFRESH_INTERVAL"),
      minRefreshInterval: read(Config.Duration, "MIN_REFRESH_INTERVAL"),
      requireFullCoverage: read(flag, "REQUIRE_FULL_COVERAGE"),
      verifyNodeId: read(flag, "VERIFY_NODE_ID"),
      maxInFlight: read(Config.Int, "MAX_IN_FLIGHT"),
      maxInFlightBytes: read(size, "MAX_IN_FLIGHT_BYTES"),
      maxDedicatedConnections: read(Config.Int, "MAX_DEDICATED_CONNECTIONS"),
      dedicatedIdleTimeout: read(Config.Duration, "DEDICATED_IDLE_TIMEOUT"),
      overflow: read((name) => literal(name, ["suspend", "fail"]), "OVERFLOW"),
      readFrom: read(policy, "READ_FROM"),
      availabilityZone: read(Config.NonEmptyString, "AVAILABILITY_ZONE"),
      protocol: read((name) => Config.Literals([2, 3], name), "PROTOCOL")
    }),
    onlyGiven
  )
}

/**
 * The config of all options from variables with a prefix (default: `REDIS`). It fails with a `ConfigError` when no
 * variable names a node, or when a value is invalid.
 *
 * **Gotchas**
 *
 * The prefix has no underscore at its end: `options("CACHE_REDIS")` reads `CACHE_REDIS_URL`.
 *
 * **Example** (Two clusters, each from variables of its own)
 *
 * ```ts
 * import { ClusterClient, ClusterConfig } from "effect-redis-cluster"
 *
 * // CACHE_REDIS_URL=rediss://cache.example.com:6379, CACHE_REDIS_PASSWORD=..., CACHE_REDIS_COMMAND_TIMEOUT="2 seconds"
 * export const cache = ClusterClient.layerConfig(ClusterConfig.options("CACHE_REDIS"))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const options = (prefix = "REDIS"): Config.Config<ClusterOptions> => withDefaults(prefix, {})

/**
 * The config of all options: the values of the variables with a prefix, and `defaults` for options without a variable.
 * It fails with a `ConfigError` when neither names a node, or when a value is invalid.
 *
 * **Example** (Defaults for what no variable sets)
 *
 * ```ts
 * import { ClusterClient, ClusterConfig } from "effect-redis-cluster"
 *
 * export const client = ClusterClient.layerConfig(ClusterConfig.withDefaults("CACHE", { nodes: "redis://127.0.0.1:7000" }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const withDefaults = (prefix: string, defaults: Partial<ClusterOptions>): Config.Config<ClusterOptions> =>
  Config.mapEffect(partial(prefix), (given) => {
    const nodes = given.nodes ?? defaults.nodes
    return nodes === undefined
      ? Effect.fail(
        problem(
          `${prefix}_URL`,
          `no startup node is given; set it to redis://host:port (several separated by commas), or ${prefix}_NODES, or ${prefix}_SRV`
        )
      )
      : Effect.succeed({ ...defaults, ...given, nodes })
  })
