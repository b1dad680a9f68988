/** The commands that the client sends for each of its features, and the cost where a user may not run them. */
import type { Feature } from "./Facts.ts"

export interface Right {
  /** The command in the words of an operator. */
  readonly name: string
  /** The command as a server judges it. */
  readonly words: ReadonlyArray<string>
  /** The rule of an ACL that permits it. */
  readonly rule: string
  /** The feature that needs it; `client` is needed whatever the program does. */
  readonly feature: Feature | "client"
  /** The cost of going without; `undefined` when the feature does not work without it. */
  readonly cost: string | undefined
  /** Whether it can be tried on a server: it reads a little, and changes nothing. */
  readonly isHarmless: boolean
}

/** Keys and channels of the program, with which its commands are judged. */
export interface Samples {
  readonly key: string
  readonly channel: string
}

interface Detail {
  readonly cost?: string
  readonly isHarmless?: boolean
}

const ruleOf = (words: ReadonlyArray<string>): string => `+${words.join("|").toLowerCase()}`

/** `name` is the command with its subcommand, and `rest` its arguments. */
const right = (
  feature: Right["feature"],
  name: string,
  rest: ReadonlyArray<string> = [],
  detail: Detail = {}
): Right => {
  const command = name.split(" ")
  return {
    name,
    words: [...command, ...rest],
    rule: ruleOf(command),
    feature,
    cost: detail.cost,
    isHarmless: detail.isHarmless ?? false
  }
}

const sha = "0".repeat(40)

/** The channels over which the client itself passes credentials on, over RESP2. */
const ownChannel = "effect-redis-cluster:doctor"

/** Every right, with the keys and channels of the program. */
export const rights = ({ channel, key }: Samples): ReadonlyArray<Right> => [
  right("client", "PING", [], { isHarmless: true }),
  right("client", "CLUSTER SLOTS", [], { isHarmless: true }),
  right("client", "ASKING"),
  right("client", "CLUSTER SHARDS", [], {
    cost: "the client does not know the health and the zones of nodes",
    isHarmless: true
  }),
  right("client", "CLUSTER MYID", [], {
    cost: "the client notices later that a node of another cluster has an old address",
    isHarmless: true
  }),
  right("client", "COMMAND", [], { cost: "commands by name are routed by a table inside the library" }),
  right("client", "CLIENT SETINFO", ["LIB-NAME", "x"], {
    cost: "CLIENT LIST does not show the name of the library"
  }),
  right("client", "CLIENT ID", [], {
    cost: "an interrupted blocking command costs its connection",
    isHarmless: true
  }),
  right("client", "CLIENT UNBLOCK", ["1"], { cost: "an interrupted blocking command costs its connection" }),
  right("client", "INFO", ["server"], { cost: "no maxLag, and no zones from Valkey 8", isHarmless: true }),
  right("commands", "GET", [key]),
  right("commands", "SET", [key, "value"]),
  right("transactions", "MULTI"),
  right("transactions", "EXEC"),
  right("transactions", "WATCH", [key]),
  right("scripts", "EVALSHA", [sha, "0"]),
  right("scripts", "EVAL", ["return 1", "0"], { cost: "scripts have to be on the servers already" }),
  right("scripts", "SCRIPT LOAD", ["return 1"], { cost: "scripts have to be on the servers already" }),
  right("scripts", "FCALL", ["name", "0"], { cost: "no functions" }),
  right("scripts", "FUNCTION LOAD", ["#!lua name=x"], { cost: "functions have to be on the servers already" }),
  right("locks", "EVALSHA", [sha, "0"]),
  right("locks", "EVAL", ["return 1", "0"]),
  right("pubsub", "SSUBSCRIBE", [channel]),
  right("pubsub", "SUNSUBSCRIBE", [channel]),
  right("pubsub", "SPUBLISH", [channel, "message"], { cost: "no messages to sharded channels" }),
  right("pubsub", "SUBSCRIBE", [channel], { cost: "no subscriptions of channels without a slot" }),
  right("pubsub", "UNSUBSCRIBE", [channel], { cost: "no subscriptions of channels without a slot" }),
  right("pubsub", "PSUBSCRIBE", [channel], { cost: "no subscriptions of patterns" }),
  right("pubsub", "PUBLISH", [channel, "message"], { cost: "no messages to channels without a slot" }),
  {
    name: `SSUBSCRIBE ${ownChannel}`,
    words: ["SSUBSCRIBE", ownChannel],
    rule: "+ssubscribe &effect-redis-cluster:*",
    feature: "pubsub",
    cost: "over RESP2, new credentials cost subscriptions a gap",
    isHarmless: false
  },
  right("caching", "CLIENT TRACKING", ["ON"]),
  right("keyspace", "PSUBSCRIBE", ["__keyspace@0__:*"]),
  right("keyspace", "CONFIG GET", ["notify-keyspace-events"], {
    cost: "the client cannot see whether notifications are on",
    isHarmless: true
  }),
  right("keyspace", "CONFIG SET", ["notify-keyspace-events", "KA"], {
    cost: "another user has to turn on keyspace notifications"
  }),
  right("replicas", "READONLY"),
  right("scan", "CLUSTER NODES", [], { isHarmless: true }),
  right("scan", "SCAN", ["0"])
]

/**
 * Whether the text of `ACL DRYRUN` refuses the command itself. A refusal of its key or channel counts only when somebody
 * named one: the user may be limited to others.
 */
export const isRefusal = (text: string, { words }: Right, { channel, key }: Samples): boolean =>
  text !== "OK" &&
  (/ to run the /.test(text) ||
    (key !== "" && words.includes(key)) || (channel !== "" && words.includes(channel)))

/** The name by which facts tell rights apart: features share commands. */
export const keyOf = ({ feature, name }: Right): string => `${feature}: ${name}`
