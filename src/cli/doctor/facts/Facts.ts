/** The facts that the doctor judges: answers of nodes as they came, and the reason where there is none. Pure data. */
import type { NodeLine, SlotStats } from "../../../commands/Cluster.ts"
import type { RedisClusterException } from "../../../index.ts"

/**
 * The reason for which there is no answer: the user may not ask, the server does not know the question, the question
 * failed, or it was not asked.
 */
export type Why = "forbidden" | "unsupported" | "failed" | "unasked"

export interface NoAnswer {
  readonly _tag: "NoAnswer"
  readonly why: Why
  readonly message: string
}

export interface Answered<out A> {
  readonly _tag: "Answered"
  readonly value: A
}

/** The answer of a node to one question. */
export type Answer<A> = Answered<A> | NoAnswer

export const answered = <A>(value: A): Answered<A> => ({ _tag: "Answered", value })

export const noAnswer = (why: Why, message: string): NoAnswer => ({ _tag: "NoAnswer", why, message })

/** The value of an answer; `undefined` where there is none. */
export const valueOf = <A>(answer: Answer<A>): A | undefined => answer._tag === "Answered" ? answer.value : undefined

/** The first word of the refusal to a user who may not run a command. */
const forbidden = "NOPERM"

/** A question that failed, by its error. */
export const failed = (error: RedisClusterException): NoAnswer => {
  const { root } = error
  if (root._tag === "ReplyError") return noAnswer(root.code === forbidden ? "forbidden" : "unsupported", root.message)
  return noAnswer(root._tag === "DecodeError" ? "unsupported" : "failed", root.message)
}

/** A certificate of a node, as far as the doctor judges it. */
export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** The names and addresses that it is good for, as Node writes them: `DNS:localhost`, `IP Address:127.0.0.1`. */
  readonly names: ReadonlyArray<string>
  /** Milliseconds since 1970; the first end in the chain. */
  readonly validTo: number
  readonly validFrom: number
}

export interface TlsFacts {
  /** The version that was agreed upon, such as `TLSv1.3`. */
  readonly version: string
  readonly certificate: CertificateFacts | undefined
  /** The code for which Node refuses the certificate, such as `CERT_HAS_EXPIRED`; `undefined` when it accepts it. */
  readonly refusal: string | undefined
}

/** The facts that a socket of its own shows about an address, before anybody logs in. */
export interface ProbeFacts {
  /** The time until the socket was connected, in milliseconds; `undefined` when it was not. */
  readonly connectedIn: number | undefined
  /** Whether a server answered, in the form that the options ask for. */
  readonly answers: boolean
  /** The reason why nothing came back. */
  readonly problem: string | undefined
  /** The form in which the server speaks; `undefined` when neither was understood. */
  readonly speaks: "tls" | "plain" | undefined
  readonly tls: TlsFacts | undefined
}

/** An address that nobody has asked. */
export const unprobed: ProbeFacts = {
  connectedIn: undefined,
  answers: false,
  problem: "not asked",
  speaks: undefined,
  tls: undefined
}

/** A startup node. */
export interface StartupFacts {
  readonly address: string
  readonly probe: ProbeFacts
  /** Its node id; asked through a client of its own when the first client does not know it. */
  readonly id: Answer<string>
  /** The ids of the nodes that it knows. */
  readonly peers: Answer<ReadonlyArray<string>>
}

/** A part of the slots. */
export type Range = readonly [start: number, end: number]

/** The client of the options, as a program would have it. */
export type ClientFacts =
  | {
    readonly _tag: "Connected"
    readonly shards: ReadonlyArray<{
      readonly primary: string
      readonly replicas: ReadonlyArray<string>
      readonly slots: ReadonlyArray<Range>
    }>
    readonly uncovered: ReadonlyArray<Range>
  }
  | { readonly _tag: "NotConnected"; readonly reason: string; readonly message: string }

export interface ClockFacts {
  /** The clock of the node less the clock here, in milliseconds, at the middle of the round trip. */
  readonly ahead: number
  readonly roundTrip: number
}

/** The commands that the user may not run, by their names in `rights`. */
export interface RightsFacts {
  readonly user: string
  readonly refused: ReadonlyArray<string>
  /** The commands of which nothing is known, because `ACL DRYRUN` is not permitted either. */
  readonly unknown: ReadonlyArray<string>
}

/** A move of slots that the servers do themselves: Valkey 9.0, Redis 8.4. */
export interface MoveFacts {
  readonly ranges: ReadonlyArray<Range>
  readonly state: string
  readonly source: string
  readonly target: string
}

/** A node, and its answers. */
export interface NodeFacts {
  /** The address at which the client reaches it. */
  readonly address: string
  /** The address that the cluster announces. */
  readonly announced: string
  readonly id: string
  readonly role: "primary" | "replica"
  /** Whether the client knows it; the others are named by other nodes only. */
  readonly isMember: boolean
  readonly probe: ProbeFacts
  /** The address at which the same node answered when its own was not reachable. */
  readonly foundAt: string | undefined
  /** Round trips of PING, in milliseconds. */
  readonly pings: Answer<ReadonlyArray<number>>
  readonly lines: Answer<ReadonlyArray<NodeLine>>
  /** The fields of CLUSTER INFO. */
  readonly cluster: Answer<Readonly<Record<string, string>>>
  /** The fields of INFO. */
  readonly info: Answer<Readonly<Record<string, string>>>
  readonly clock: Answer<ClockFacts>
  readonly config: Answer<Readonly<Record<string, string>>>
  readonly rights: Answer<RightsFacts>
  readonly protocol: Answer<number>
  readonly slowlog: Answer<number>
  /** The slots that took the most processor time, and those with the most memory. */
  readonly busiest: Answer<ReadonlyArray<SlotStats>>
  readonly largest: Answer<ReadonlyArray<SlotStats>>
  readonly moves: Answer<ReadonlyArray<MoveFacts>>
}

/** The parts of the client that a program uses. */
export const features = [
  "commands",
  "transactions",
  "scripts",
  "locks",
  "pubsub",
  "caching",
  "keyspace",
  "replicas",
  "scan"
] as const

export type Feature = (typeof features)[number]

/** The options against which the facts are judged. Times are milliseconds. */
export interface Wishes {
  readonly features: ReadonlyArray<Feature>
  readonly tls: boolean
  /** Whether certificates are checked. */
  readonly verifies: boolean
  readonly protocol: 2 | 3
  readonly commandTimeout: number
  readonly hasPassword: boolean
}

export interface Facts {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly wishes: Wishes
  readonly startup: ReadonlyArray<StartupFacts>
  readonly client: ClientFacts
  readonly nodes: ReadonlyArray<NodeFacts>
}
