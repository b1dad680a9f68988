/**
 * The words of error replies, and the kind of each error. No other file knows these words.
 *
 * An error that a server gives before it executes anything has one fixed text. A script, a function or a module can
 * answer an error of any text: `isWording` tells the server's own text from theirs.
 */
import { ServerError } from "./Reply.ts"

/**
 * The kinds of error replies.
 *
 * - `moved`, `ask`: another node serves the slot, or this key of it
 * - `tryAgain`: the keys are on both sides of a slot migration
 * - `clusterDown`, `masterDown`, `loading`: the node serves nothing at the moment
 * - `readOnly`: the node is a replica
 * - `demoted`: the primary became a replica and let go of a command that it held back
 * - `released`: CLIENT UNBLOCK, or the end of what it waited for, let go of such a command
 * - `lacksCode`: the node does not have the script or the function
 * - `authentication`: the connection is not logged in
 * - `noPermission`: the user may not do this
 * - `busy`: a script has been running for too long
 * - `noReplicas`: too few replicas are connected for a write
 * - `halfDone`: the server executed a part of the command, or does not know whether it did
 * - `unknownCommand`: the server does not know the command or the subcommand
 * - `answer`: any other error, which every node would give
 */
export type ErrorKind =
  | "moved"
  | "ask"
  | "tryAgain"
  | "clusterDown"
  | "masterDown"
  | "loading"
  | "readOnly"
  | "demoted"
  | "released"
  | "lacksCode"
  | "authentication"
  | "noPermission"
  | "busy"
  | "noReplicas"
  | "halfDone"
  | "unknownCommand"
  | "answer"

/** The parts of an error reply. */
interface Words {
  readonly code: string
  readonly message: string
}

const byCode: ReadonlyMap<string, ErrorKind> = new Map<string, ErrorKind>([
  ["MOVED", "moved"],
  ["ASK", "ask"],
  ["TRYAGAIN", "tryAgain"],
  ["CLUSTERDOWN", "clusterDown"],
  ["MASTERDOWN", "masterDown"],
  ["LOADING", "loading"],
  ["READONLY", "readOnly"],
  ["NOAUTH", "authentication"],
  ["WRONGPASS", "authentication"],
  ["NOPERM", "noPermission"],
  ["BUSY", "busy"],
  ["NOREPLICAS", "noReplicas"]
])

/** Each text as Redis 7.0 to 8.6 and Valkey 8.1 to 9.1 have it. */
const lackingScript = /^NOSCRIPT No matching script\.(?: Please use EVAL\.)?$/
const lackingFunction = "ERR Function not found"

/** MIGRATE fails so when keys that it had sent may have arrived. When it had no connection, it sent nothing. */
const targetLost = /^IOERR error or timeout (?:reading|writing)/
const targetRefused = "ERR Target instance replied with error"

/** A module that asks all shards says so before it asks: it has not learned of the shards yet, or slots move between them. */
const shardsUnknown = /^ERRCLUSTER (?:Uninitialized cluster state(?:, could not perform command)?|NULL cluster state)$/
const slotsMove = /^(?:SEARCH_SLOTS_UNAVAIL )?Query requires unavailable slots$/
/** A read of all time series ended because a shard came, went or was replaced. */
const shardsChanged = "A multi-shard command failed because the cluster topology has changed"

/** The kind of an error reply. Its first word decides, for commands whose errors come from the server alone. */
export const kindOf = ({ code, message }: Words): ErrorKind => {
  switch (code) {
    case "UNBLOCKED":
      return message.includes("instance state changed") ? "demoted" : "released"
    case "NOSCRIPT":
      return lackingScript.test(message) ? "lacksCode" : "answer"
    case "IOERR":
      return targetLost.test(message) ? "halfDone" : "answer"
    case "ERR":
      if (message === lackingFunction) return "lacksCode"
      if (message.startsWith(targetRefused)) return "halfDone"
      return /^ERR unknown (?:sub)?command\b/i.test(message) ? "unknownCommand" : "answer"
    case "ERRCLUSTER":
      return shardsUnknown.test(message) ? "tryAgain" : "answer"
    case "SEARCH_SLOTS_UNAVAIL":
    case "Query":
      return slotsMove.test(message) ? "tryAgain" : "answer"
    case "A":
      return message === shardsChanged ? "tryAgain" : "answer"
    default:
      return byCode.get(code) ?? "answer"
  }
}

/**
 * Whether a server may give this error in reply to PING: the user may not run it, or the server runs nothing at the moment.
 */
export const mayAnswerPing = (error: Words): boolean => {
  switch (kindOf(error)) {
    case "noPermission":
      return /'ping'/i.test(error.message)
    case "authentication":
    case "busy":
    case "loading":
    case "masterDown":
      return true
    case "answer":
      // A server that cannot save its data refuses writes and PING.
      return error.code === "MISCONF"
    case "moved":
    case "ask":
    case "tryAgain":
    case "clusterDown":
    case "readOnly":
    case "demoted":
    case "released":
    case "lacksCode":
    case "noReplicas":
    case "halfDone":
    case "unknownCommand":
      return false
  }
}

/** The texts with which servers refuse a command before they execute anything. */
const wordings: ReadonlyArray<RegExp> = [
  /^(?:MOVED|ASK) \d{1,5} \S*:\d{1,5}$/,
  /^TRYAGAIN Multiple keys request during rehashing of slot$/,
  /^CLUSTERDOWN (?:Hash slot not served|The cluster is down(?: and only accepts read commands)?)$/,
  /^MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'\.$/,
  /^MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set on the script\.$/,
  /^LOADING (?:Redis|Valkey) is loading the dataset in memory$/,
  /^READONLY (?:You can't write against a read only replica\.|Can not run script with write flag on readonly replica)$/,
  /^NOAUTH Authentication required\.$/,
  /^BUSY (?:Redis|Valkey) is busy running a (?:script\. You can only call (?:SCRIPT|FUNCTION) KILL or SHUTDOWN NOSAVE|module command)\.$/,
  // The list of arguments, or the advice to ask for help, stands behind it.
  /^ERR unknown (?:sub)?command ['`][^'`]+['`](?:, with args beginning with: .*|\. Try .* HELP\.)?$/s,
  shardsUnknown,
  slotsMove,
  new RegExp(`^${shardsChanged}$`),
  lackingScript,
  new RegExp(`^${lackingFunction}$`)
]

/**
 * Whether the text is, word for word, one with which servers refuse a command before they execute anything. A script
 * could answer the text too, but not by accident.
 */
export const isWording = ({ message }: Words): boolean => wordings.some((wording) => wording.test(message))

/** A node that does not serve one slot may serve others. */
const slotNotServed = "CLUSTERDOWN Hash slot not served"

/** Whether a node refuses every command for a while, and not only those of one slot. */
export const refusesEverything = (error: Words): boolean => {
  switch (kindOf(error)) {
    case "loading":
    case "masterDown":
      return true
    case "clusterDown":
      return error.message !== slotNotServed
    case "moved":
    case "ask":
    case "tryAgain":
    case "readOnly":
    case "demoted":
    case "released":
    case "lacksCode":
    case "authentication":
    case "noPermission":
    case "busy":
    case "noReplicas":
    case "halfDone":
    case "unknownCommand":
    case "answer":
      return false
  }
}

/**
 * The scope of each kind of error.
 *
 * - `slot`: the node cannot, or not at this moment, serve the slot. It has executed nothing
 * - `moment`: the command itself may succeed at another moment
 * - `node`: the node lacks something that others may have: the code, the login, a right
 * - `command`: every node would give this error at any time
 */
const scopes: Readonly<Record<ErrorKind, "slot" | "moment" | "node" | "command">> = {
  moved: "slot",
  ask: "slot",
  tryAgain: "slot",
  clusterDown: "slot",
  masterDown: "slot",
  loading: "slot",
  readOnly: "slot",
  demoted: "moment",
  released: "moment",
  busy: "moment",
  noReplicas: "moment",
  lacksCode: "node",
  authentication: "node",
  noPermission: "node",
  halfDone: "command",
  unknownCommand: "command",
  answer: "command"
}

/** Whether the node cannot, or not at this moment, serve the slot. It has executed nothing. */
export const concernsSlot = (kind: ErrorKind): boolean => scopes[kind] === "slot"

/** Whether a later attempt, or another node, may not give this error. */
export const isPassing = (kind: ErrorKind): boolean => concernsSlot(kind) || scopes[kind] === "moment"

/** Whether the server let go of a command that it had held back. It has executed nothing. */
export const isReleased = (error: Words): boolean => {
  const kind = kindOf(error)
  return kind === "demoted" || kind === "released"
}

/** Whether the error is about the command: every node would give it, or it says nothing about this node. */
export const isAnswer = (kind: ErrorKind): boolean => !concernsSlot(kind) && scopes[kind] !== "node"

/** Whether XGROUP CREATE found that the group is there. */
export const saysGroupExists = ({ code }: Pick<Words, "code">): boolean => code === "BUSYGROUP"

/** Whether the stream, or its group, is not there. */
export const saysGroupMissing = ({ code }: Pick<Words, "code">): boolean => code === "NOGROUP"

/**
 * Whether FUNCTION LOAD found a library of this name. Another library may also hold a function of the same name; that is
 * another error.
 */
export const saysLibraryExists = ({ message }: Pick<Words, "message">, library: string): boolean =>
  // In an exception the names of the command and of the node stand in front of the server's text.
  message.endsWith(`ERR Library '${library}' already exists`)

/** Whether the server does not speak RESP3, or may not be asked whether it does. */
export const refusesHello = (error: Words): boolean =>
  kindOf(error) !== "authentication" && (error.code === "NOPROTO" || /unknown command|HELLO/i.test(error.message))

/** Whether HELLO or AUTH was refused for its credentials. */
export const refusesLogin = (error: Words): boolean => {
  const kind = kindOf(error)
  return kind === "authentication" || kind === "noPermission" || / AUTH /.test(error.message)
}

const abort = "EXECABORT"
const abortedBecause = " because of: "

/**
 * The error inside `EXECABORT Transaction discarded because of: READONLY You can't ...`, the refusal of EXEC itself.
 */
export const reasonOfAbort = (error: ServerError): ServerError => {
  const at = error.code === abort ? error.message.indexOf(abortedBecause) : -1
  return at === -1 ? error : new ServerError(error.message.slice(at + abortedBecause.length))
}

/** The error that stands for EXEC without an answer. */
export const watchedKeyChanged = new ServerError(`${abort} a watched key has changed, nothing was executed`)

/** The error that stands for the redirects of a transaction when the node has some of its keys. */
export const keysApart = new ServerError("TRYAGAIN the keys of the transaction are on both sides of a slot migration")
