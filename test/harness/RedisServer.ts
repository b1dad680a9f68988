/**
 * One server process: which binary, a free port, a place for its files, and that nothing of it stays behind.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import type { Reply } from "../../src/protocol/Reply.ts"
import * as Certificates from "./Certificates.ts"
import { HarnessError } from "./HarnessError.ts"
import * as RawClient from "./RawClient.ts"
import * as RealTime from "./RealTime.ts"
import type { Word } from "./Resp.ts"

type Platform = ChildProcessSpawner | FileSystem.FileSystem

const howToInstall = "Redis or Valkey 7.0 or newer is needed: install redis-server or valkey-server " +
  "(Debian: sudo apt-get install redis-server; macOS: brew install redis), or set REDIS_SERVER to its path."

/** Whether a failure says that there is no server, and that none could be installed. */
export const isMissing = (error: HarnessError): boolean => error.message === howToInstall

const onPath = Effect.fnUntraced(function*(program: string) {
  const fileSystem = yield* FileSystem.FileSystem
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    const file = `${folder}/${program}`
    if (folder !== "" && (yield* fileSystem.exists(file))) return file
  }
  return undefined
})

/**
 * A server that is already here: `REDIS_SERVER`, or one on PATH. Debian's redis-tools hold the server too, under another
 * name by which it would act as a checker, so it is reached by a link in `directory`.
 */
const findInstalled = Effect.fnUntraced(function*(directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const given = process.env["REDIS_SERVER"]
  if (given !== undefined && given !== "") {
    const file = given.includes("/") ? given : yield* onPath(given)
    if (file !== undefined && (yield* fileSystem.exists(file))) return yield* fileSystem.realPath(file)
    return yield* new HarnessError({ message: `REDIS_SERVER is "${given}", which does not exist. ${howToInstall}` })
  }
  for (const name of ["redis-server", "valkey-server"]) {
    const file = yield* onPath(name)
    if (file !== undefined) return file
  }
  for (const brand of ["redis", "valkey"]) {
    const checker = yield* onPath(`${brand}-check-rdb`)
    if (checker === undefined) continue
    const file = `${directory}/${brand}-server`
    yield* fileSystem.symlink(checker, file)
    const spawner = yield* ChildProcessSpawner
    const version = yield* Effect.orElseSucceed(spawner.string(ChildProcess.make(file, ["--version"])), () => "")
    if (version.includes("v=")) return file
    yield* fileSystem.remove(file)
  }
  return undefined
})

const succeeds = Effect.fnUntraced(function*(command: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner
  const [program, ...args] = command
  const exit = spawner.exitCode(ChildProcess.make(program, args, {
    detached: false,
    stdin: "inherit",
    stdout: "ignore",
    stderr: "inherit"
  }))
  return yield* Effect.orElseSucceed(Effect.map(exit, (code) => code === 0), () => false)
})

/** Debian's redis-server package would start a service of its own; redis-tools has the same binary and does not. */
const install = Effect.gen(function*() {
  const apt = yield* onPath("apt-get")
  const brew = yield* onPath("brew")
  const prefix = process.getuid?.() === 0
    ? []
    : process.stdin.isTTY
    ? ["sudo"]
    : ["sudo", "-n"]
  if (apt !== undefined && (prefix.length === 0 || (yield* onPath("sudo")) !== undefined)) {
    const run = (...args: ReadonlyArray<string>) => succeeds([...prefix, apt, "-qq", ...args])
    yield* Effect.sync(() => process.stderr.write("No redis-server found: installing redis-tools with apt-get\n"))
    yield* run("update")
    for (const name of ["redis-tools", "valkey-tools"]) {
      if (yield* run("-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends", name)) return
    }
  } else if (brew !== undefined) {
    yield* Effect.sync(() => process.stderr.write("No redis-server found: installing redis with brew\n"))
    yield* succeeds([brew, "install", "--quiet", "redis"])
  }
})

/**
 * The path of the server binary: `REDIS_SERVER`, else `redis-server` or `valkey-server` on PATH, else one installed now
 * with apt-get or brew, else a failure that says what to install.
 */
export const find = (directory: string): Effect.Effect<string, HarnessError, Platform> =>
  Effect.gen(function*() {
    const installed = yield* findInstalled(directory)
    if (installed !== undefined) return installed
    yield* install
    return (yield* findInstalled(directory)) ?? (yield* new HarnessError({ message: howToInstall }))
  }).pipe(
    Effect.catchTag("PlatformError", (cause) => Effect.fail(new HarnessError({ message: cause.message, cause }))),
    RealTime.inRealTime
  )

/** A folder for the files of some servers, and the binary that runs them. */
export interface Workspace {
  readonly directory: string
  readonly binary: string
}

/**
 * Ends, by the process ids in the folder, what outlived the process that started it, and removes the folder. The shell itself
 * reads: a child of its own would be reaped by the init process of the machine, which may take a second.
 */
const guardScript = [
  "trap '' INT TERM HUP",
  "while read -r line; do :; done",
  "for round in 1 2 3; do",
  "  for file in \"$1\"/*/pid; do",
  "    if [ -f \"$file\" ]; then kill -9 \"$(cat \"$file\")\" 2> /dev/null; rm -f \"$file\"; fi",
  "  done",
  "  sleep 0.2",
  "done",
  "rm -rf \"$1\""
].join("\n")

/**
 * Makes a temporary folder, which goes with the scope. A guard process waits on a pipe for the end of this process: when
 * it is killed, and no finalizer runs, the guard ends the servers and removes the folder in its place.
 */
export const workspace: Effect.Effect<Workspace, HarnessError, Scope.Scope | Platform> = Effect.gen(function*() {
  const fileSystem = yield* FileSystem.FileSystem
  const directory = `${tmpdir()}/redis-cluster-test-${randomUUID().slice(0, 8)}`
  // First here and last gone: there is no moment when the folder is there and the guard is not.
  yield* ChildProcess.make("/bin/sh", ["-c", guardScript, "sh", directory], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    killSignal: "SIGKILL"
  })
  yield* Effect.acquireRelease(
    fileSystem.makeDirectory(directory),
    () => Effect.ignore(fileSystem.remove(directory, { recursive: true, force: true }))
  )
  return { directory, binary: yield* find(directory) }
}).pipe(
  Effect.catchTag("PlatformError", (cause) => Effect.fail(new HarnessError({ message: cause.message, cause })))
)

/** The server's own description of its version, in one line. */
export const version = (space: Workspace): Effect.Effect<string, HarnessError, ChildProcessSpawner> =>
  Effect.gen(function*() {
    const spawner = yield* ChildProcessSpawner
    const text = yield* spawner.string(ChildProcess.make(space.binary, ["--version"]))
    return `${text.trim()} (${space.binary})`
  }).pipe(
    Effect.catchTag("PlatformError", (cause) => Effect.fail(new HarnessError({ message: cause.message, cause })))
  )

const shardIds = new Map<string, boolean>()

/** Whether nodes of this server have shard ids: Redis and Valkey do since 7.2. */
export const hasShardIds = Effect.fnUntraced(
  function*(space: Workspace): Effect.fn.Return<boolean, HarnessError, ChildProcessSpawner> {
    const known = shardIds.get(space.binary)
    if (known !== undefined) return known
    const found = !/v=7\.[01]\./.test(yield* version(space))
    shardIds.set(space.binary, found)
    return found
  }
)

/** Ports below every system's ephemeral range, with room for the cluster bus 10000 above. */
const lowestPort = 11_000
const highestPort = 21_999

const canListen = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const server = Net.createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.close(() => resume(Effect.succeed(true)))
    })
  })

/** Ports this process gave out: the port of a server that is down stays its own. */
const given = new Set<number>()

/** A port that is free now, and whose bus port is too. */
export const freePort: Effect.Effect<number, HarnessError> = Effect.gen(function*() {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort + 1))
    if (given.has(port)) continue
    if ((yield* canListen(port)) && (yield* canListen(port + 10_000))) {
      given.add(port)
      return port
    }
  }
  return yield* new HarnessError({ message: `No free port between ${lowestPort} and ${highestPort}` })
})

export interface ServerOptions {
  /** Further server options, as on its command line. */
  readonly options?: ReadonlyArray<string> | ((port: number) => ReadonlyArray<string>) | undefined
  /** A certain port; another one is not tried when it is taken. */
  readonly port?: number | undefined
  readonly tls?: Tls | undefined
  readonly password?: string | undefined
  /** The `nodes.conf` that it finds when it starts for the first time. */
  readonly nodesFile?: string | undefined
}

/** Certificates as the tests use them, and the files in which the servers find them. */
export interface Tls extends Certificates.Certificates {
  readonly options: ReadonlyArray<string>
}

/** Writes new certificates into the workspace. */
export const makeTls = Effect.fnUntraced(
  function*(directory: string, clients: "no" | "optional" | "yes"): Effect.fn.Return<Tls, HarnessError, Platform> {
    const fileSystem = yield* FileSystem.FileSystem
    const certificates = Certificates.make()
    const write = (name: string, text: string) =>
      Effect.mapError(
        fileSystem.writeFileString(`${directory}/${name}`, text),
        (cause) => new HarnessError({ message: cause.message, cause })
      )
    yield* write("ca.pem", certificates.ca)
    yield* write("certificate.pem", certificates.certificate)
    yield* write("key.pem", certificates.key)
    return {
      ...certificates,
      options: [
        "--tls-ca-cert-file",
        `${directory}/ca.pem`,
        "--tls-cert-file",
        `${directory}/certificate.pem`,
        "--tls-key-file",
        `${directory}/key.pem`,
        "--tls-auth-clients",
        clients,
        "--tls-replication",
        "yes",
        "--tls-cluster",
        "yes"
      ]
    }
  }
)

/** A server process on a port of its own, which can be ended and started again. */
export interface RedisServer {
  readonly host: "127.0.0.1"
  readonly port: number
  /** `redis://127.0.0.1:port`, or `rediss://` with TLS. */
  readonly url: string
  /** The process id; 0 when it is not running. */
  readonly pid: number
  /** Whether it is running and not stopped by SIGSTOP. */
  readonly responsive: boolean
  /** Runs `use` with a new connection. */
  readonly withClient: <A, E>(
    use: (client: RawClient.RawClient) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | HarnessError>
  /** Sends a command on a new connection. An error reply fails with the server's text. */
  readonly command: (
    ...args: ReadonlyArray<Word>
  ) => Effect.Effect<Reply, HarnessError>
  /** SIGKILL. */
  readonly kill: Effect.Effect<void, HarnessError>
  /** Starts it again on its port, with its files; kills it first when it runs. */
  readonly restart: Effect.Effect<void, HarnessError>
  /** A server on another port (a free one when none is given) with the files of this one. */
  readonly restartElsewhere: (port?: number) => Effect.Effect<void, HarnessError>
  /** SIGSTOP: the process keeps its sockets and answers nothing. */
  readonly stop: Effect.Effect<void, HarnessError>
  /** SIGCONT. */
  readonly continue: Effect.Effect<void, HarnessError>
}

const addressInUse = "Address already in use"

/** Whether a server did not start because another process had taken its port. */
export const lostItsPort = (error: HarnessError): boolean => error.message.includes(addressInUse)

/** Starts a server in a workspace; it ends with the scope. */
export const start = Effect.fnUntraced(
  function*(
    space: Workspace,
    options: ServerOptions
  ): Effect.fn.Return<RedisServer, HarnessError, Scope.Scope | Platform> {
    const scope = yield* Effect.scope
    const platform = yield* Effect.context<Platform>()
    const fileSystem = yield* FileSystem.FileSystem

    /** Where its files are: also after a move to another port. */
    let home: string | undefined
    const launch = Effect.fnUntraced(
      function*(port: number) {
        const isFirst = home === undefined
        home ??= `${space.directory}/${port}`
        const directory = home
        const log = `${directory}/log`
        const pidFile = `${directory}/pid`
        yield* fileSystem.makeDirectory(directory, { recursive: true })
        if (isFirst && options.nodesFile !== undefined) {
          yield* fileSystem.writeFileString(`${directory}/nodes.conf`, options.nodesFile)
        }
        yield* fileSystem.remove(log, { force: true })
        const processScope = yield* Scope.fork(scope)
        const end = Effect.andThen(
          Scope.close(processScope, Exit.void),
          Effect.ignore(fileSystem.remove(pidFile, { force: true }))
        )
        const extra = typeof options.options === "function" ? options.options(port) : options.options ?? []
        const handle = yield* ChildProcess.make(space.binary, [
          ...(options.tls === undefined
            ? ["--port", String(port)]
            : ["--port", "0", "--tls-port", String(port), ...options.tls.options]),
          ...["--bind", "127.0.0.1", "--dir", directory, "--logfile", log, "--pidfile", pidFile],
          ...["--save", "", "--appendonly", "no", "--daemonize", "no", "--enable-debug-command", "yes"],
          ...(options.password === undefined
            ? []
            : ["--requirepass", options.password, "--masterauth", options.password]),
          ...extra
        ], { stdin: "ignore", stdout: "ignore", stderr: "ignore", killSignal: "SIGKILL" }).pipe(
          Scope.provide(processScope)
        )
        const pid: number = handle.pid
        // The port may have been taken meanwhile by a server of another test: only our own process id will do.
        const isUp = Effect.scoped(Effect.flatMap(connect(port), (client) => client.command("INFO", "server"))).pipe(
          Effect.map((info) => String(info).includes(`process_id:${pid}\r\n`)),
          Effect.orElseSucceed(() => false)
        )
        for (let waited = 0; waited < 15_000; waited += 20) {
          if (yield* isUp) return { pid, end }
          if (!(yield* handle.isRunning)) break
          yield* Effect.sleep(20)
        }
        yield* end
        const text = yield* Effect.orElseSucceed(fileSystem.readFileString(log), () => "")
        const tail = text.trim().split("\n").slice(-5).join("\n")
        return yield* new HarnessError({ message: `${space.binary} did not start on port ${port}:\n${tail}` })
      },
      (effect) =>
        Effect.catchTag(
          effect,
          "PlatformError",
          (cause) => Effect.fail(new HarnessError({ message: cause.message, cause }))
        )
    )

    const connect = (port: number) => RawClient.make({ port, tls: options.tls, password: options.password })

    const launchAnywhere = (given: number | undefined) =>
      Effect.gen(function*() {
        const port = given ?? (yield* freePort)
        return { port, ...(yield* launch(port)) }
      }).pipe(
        Effect.retry({
          times: given === undefined ? 10 : 0,
          while: lostItsPort
        })
      )

    const launched = yield* launchAnywhere(options.port)
    let { port } = launched
    let current: { readonly pid: number; readonly end: Effect.Effect<void> } | undefined = launched
    let stopped = false

    const signal = (name: "SIGSTOP" | "SIGCONT") =>
      Effect.try({
        try: () => {
          if (current !== undefined) process.kill(current.pid, name)
          stopped = name === "SIGSTOP"
        },
        catch: (cause) => new HarnessError({ message: `Cannot send ${name} to the server on port ${port}`, cause })
      })
    const kill = Effect.suspend(() => {
      const ended = current
      current = undefined
      stopped = false
      return ended === undefined ? Effect.void : ended.end
    })
    const withClient: RedisServer["withClient"] = (use) =>
      Effect.suspend(() => Effect.scoped(Effect.flatMap(connect(port), use)))
    const restart = (where: () => number | undefined) =>
      Effect.andThen(kill, Effect.suspend(() => launchAnywhere(where()))).pipe(
        Effect.map((relaunched) => {
          current = relaunched
          port = relaunched.port
        }),
        Effect.provideContext(platform),
        RealTime.inRealTime
      )

    return {
      host: "127.0.0.1",
      get port() {
        return port
      },
      get url() {
        return `${options.tls === undefined ? "redis" : "rediss"}://127.0.0.1:${port}`
      },
      get pid() {
        return current?.pid ?? 0
      },
      get responsive() {
        return current !== undefined && !stopped
      },
      withClient,
      command: (...args) => withClient((client) => client.command(...args)),
      kill,
      restart: restart(() => port),
      restartElsewhere: (port) => restart(() => port),
      stop: signal("SIGSTOP"),
      continue: signal("SIGCONT")
    }
  },
  RealTime.inRealTime
)

/** Starts one server outside of any cluster, in a workspace of its own. */
export const make = Effect.fnUntraced(
  function*(options?: Omit<ServerOptions, "tls">): Effect.fn.Return<RedisServer, HarnessError, Scope.Scope | Platform> {
    return yield* start(yield* workspace, options ?? {})
  }
)
