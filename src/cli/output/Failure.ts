/** The end of a command that did not do what it was asked to do, and the sentence that says so. */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import { isPlatformError, type PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import { isConflictError, isRedisClusterException, isUnhealthyError } from "../../index.ts"

/**
 * The exit codes: `done`; `problem` for a cluster that is not as it should be, or that refuses what was asked of it;
 * `impossible` for a command line that makes no sense, and for a cluster that cannot be reached.
 */
export const ExitCode = { done: 0, problem: 1, impossible: 2 } as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** Ends the command with a code. Without a message everything has been said. */
export class Failure extends Data.TaggedError("Failure")<{
  readonly message: string
  readonly exitCode: ExitCode
}> {}

/** Ends the command with a sentence that says what is wrong and what to do. */
export const failure = (message: string, exitCode: ExitCode = ExitCode.impossible): Failure =>
  new Failure({ message, exitCode })

/** Ends the command, whose output has said everything, with a code. */
export const verdict = (exitCode: ExitCode): Failure => new Failure({ message: "", exitCode })

/** Whether a write failed because the program that was to read the output has ended, as `head` does. */
export const isReaderGone = (error: unknown): boolean => {
  for (let cause = error; typeof cause === "object" && cause !== null;) {
    if ("code" in cause && cause.code === "EPIPE") return true
    if ("cause" in cause && cause.cause !== cause) cause = cause.cause
    else if ("reason" in cause) cause = cause.reason
    else return false
  }
  return false
}

const oneLine = (text: string): string => text.split(/\s*\n\s*/).filter((line) => line !== "").join("; ")

const messageOf = (error: unknown): string =>
  oneLine(Predicate.hasProperty(error, "message") && error.message !== "" ? String(error.message) : String(error))

/** The reasons for which no command could work. */
const unusable: ReadonlySet<string> = new Set([
  "NoReachableNodeError",
  "ClusterDisabledError",
  "AuthenticationError",
  "OptionsError",
  "EncodeError",
  "UnknownNodeError",
  "NoTargetError",
  "NoKeyError",
  "CrossSlotError"
])

/** The next step of the user after an error whose own message does not name it. */
const advice: Readonly<Record<string, string | undefined>> = {
  NoReachableNodeError: "`effect-redis-cluster doctor` finds out why",
  AuthenticationError: "give the user with --username, and the password in REDIS_PASSWORD or with --ask-password",
  TimeoutError: "--timeout 30s waits longer"
}

/** The words for a file that cannot be used. */
const fileWords: Readonly<Record<string, string | undefined>> = {
  AlreadyExists: "it exists already",
  Busy: "another program uses it",
  NotFound: "there is no such file or folder",
  PermissionDenied: "permission denied"
}

const fileMessage = ({ reason }: PlatformError): string | undefined =>
  "pathOrDescriptor" in reason && typeof reason.pathOrDescriptor === "string"
    ? `${reason.pathOrDescriptor}: ${fileWords[reason._tag] ?? messageOf(reason)}`
    : undefined

/** The failure that an error means to the user of the command line. */
export const explained = (error: unknown): Failure => {
  if (error instanceof Failure) return error
  if (isReaderGone(error)) return verdict(ExitCode.done)
  if (isRedisClusterException(error)) {
    const { _tag } = error.root
    const hint = advice[_tag]
    return failure(
      hint === undefined ? messageOf(error) : `${messageOf(error)}; ${hint}`,
      unusable.has(_tag) ? ExitCode.impossible : ExitCode.problem
    )
  }
  if (isPlatformError(error)) return failure(fileMessage(error) ?? messageOf(error))
  if (isUnhealthyError(error) || isConflictError(error)) return failure(messageOf(error), ExitCode.problem)
  return failure(error instanceof Config.ConfigError ? `The environment has ${messageOf(error)}` : messageOf(error))
}
