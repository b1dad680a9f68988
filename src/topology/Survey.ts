/**
 * Asks node after node for the topology, without waiting for one before it asks the next. The first answer without a
 * doubt is taken. When an answer is doubtful, other nodes are asked too, and the best of their views is taken.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { type Answer, type Refusal, refusal } from "./Inquiry.ts"
import { best, type Facts, judge, type Opinion } from "./Judgement.ts"
import type { Snapshot } from "./Snapshot.ts"

/** A node that can be asked. */
export interface Source {
  /** The name by which the node is asked once only. */
  readonly name: string
  readonly ask: Effect.Effect<Answer, Refusal>
}

export interface Plan {
  /** The sources to ask, in this order. */
  readonly first: ReadonlyArray<Source>
  /** The startup nodes. They are found when the other sources do not answer, or when their answers are doubtful. */
  readonly seeds: Effect.Effect<ReadonlyArray<Source>, Refusal>
  /** The source for a node that an answer or a redirect has named. */
  readonly witness: (node: ClusterNode) => Source
  readonly facts: Facts
  /** The wait for one source before the next is asked as well, in milliseconds. */
  readonly pause: number
  /** The wait for other sources after a doubtful answer, in milliseconds. */
  readonly confirmWithin: number
}

export interface Findings {
  /** The best answer. */
  readonly answer: Answer | undefined
  /** Whether the answer is doubtful and no other node has answered. */
  readonly isLone: boolean
  /** Answers of nodes that have nothing to do with the known cluster. */
  readonly strangers: ReadonlyArray<Answer>
}

/** The number of nodes beside the witnesses that are asked about a doubtful answer. */
const mostConfirmers = 3

const reasons = { unjoined: "it knows of no shards", foreign: "it belongs to another cluster now" } as const

/** Whether two answers agree on the owners and on the nodes. */
const agree = (one: Snapshot, other: Snapshot): boolean => {
  if (one === other) return true
  if (one.nodes.size !== other.nodes.size) return false
  for (const address of one.nodes.keys()) if (!other.nodes.has(address)) return false
  return one.slots.every((shard, slot) => shard?.primary.address === other.slots[slot]?.primary.address)
}

const bestOf = (answers: ReadonlyArray<Answer>, facts: Facts): Answer | undefined => {
  const opinions = answers.map(({ by, snapshot }): Opinion => ({
    snapshot,
    by,
    votes: answers.filter((other) => agree(snapshot, other.snapshot)).length
  }))
  const winner = best(opinions, facts)
  return winner === undefined ? undefined : answers[opinions.indexOf(winner)]
}

class Survey {
  private readonly plan: Plan
  private readonly replies: Queue.Queue<Result.Result<Answer, Refusal>>
  /** The reasons of the nodes that could not report the topology. */
  private readonly refusals: Array<Refusal>
  private readonly asked = new Set<string>()
  private readonly answers: Array<Answer> = []
  private readonly strangers: Array<Answer> = []
  /** The sources that are still to be asked. */
  private readonly waiting: Array<Source>
  private seedsAdded = false
  private underWay = 0
  private isDoubtful = false

  constructor(plan: Plan, replies: Queue.Queue<Result.Result<Answer, Refusal>>, refusals: Array<Refusal>) {
    this.plan = plan
    this.replies = replies
    this.refusals = refusals
    this.waiting = [...plan.first]
  }

  get findings(): Findings {
    const { answers, isDoubtful, plan, strangers } = this
    return { answer: bestOf(answers, plan.facts), isLone: isDoubtful && answers.length === 1, strangers }
  }

  /** Asks one source after the other until an answer is accepted, or an answer is doubtful, or no source is left. */
  readonly collect = Effect.fnUntraced(function*(this: Survey) {
    for (;;) {
      if (this.waiting.length === 0 && !this.seedsAdded) yield* this.addSeeds()
      const next = this.waiting.shift()
      if (next !== undefined) yield* this.begin(next)
      const isLast = this.waiting.length === 0 && this.seedsAdded
      if (this.underWay === 0) {
        if (isLast) return
        continue
      }
      const take = Queue.take(this.replies)
      const reply = isLast ? Option.some(yield* take) : yield* Effect.timeoutOption(take, this.plan.pause)
      if (Option.isSome(reply) && this.settles(reply.value)) return
      if (this.isDoubtful) return yield* Effect.asVoid(Effect.timeoutOption(this.confirm(), this.plan.confirmWithin))
    }
  })

  /** Asks several sources at once about a doubtful answer. */
  private readonly confirm = Effect.fnUntraced(function*(this: Survey) {
    if (!this.seedsAdded) yield* this.addSeeds()
    yield* Effect.forEach(this.waiting.splice(0), (source) => this.begin(source), { discard: true })
    while (this.underWay > 0) this.settles(yield* Queue.take(this.replies))
  })

  private begin(source: Source): Effect.Effect<void, never, Scope.Scope> {
    return Effect.suspend(() => {
      if (this.asked.has(source.name)) return Effect.void
      this.asked.add(source.name)
      this.underWay++
      return Effect.asVoid(Effect.forkScoped(
        Effect.flatMap(Effect.result(source.ask), (result) => Queue.offer(this.replies, result))
      ))
    })
  }

  private readonly addSeeds = Effect.fnUntraced(function*(this: Survey) {
    this.seedsAdded = true
    const seeds = yield* Effect.result(this.plan.seeds)
    if (Result.isFailure(seeds)) this.refusals.push(seeds.failure)
    else this.waiting.push(...this.isDoubtful ? seeds.success.slice(0, mostConfirmers) : seeds.success)
  })

  /** Notes a reply. The result says whether it is an answer without a doubt. */
  private settles(reply: Result.Result<Answer, Refusal>): boolean {
    this.underWay--
    if (Result.isFailure(reply)) {
      this.refusals.push(reply.failure)
      return false
    }
    const answer = reply.success
    const judgement = judge(answer.snapshot, this.plan.facts)
    switch (judgement._tag) {
      case "Refuse":
        this.refusals.push(refusal(answer.from, reasons[judgement.reason]))
        if (judgement.reason === "foreign") this.strangers.push(answer)
        return false
      case "Accept":
        this.answers.push(answer)
        return true
      case "Confirm":
        this.answers.push(answer)
        if (!this.isDoubtful) this.doubt(judgement.witnesses)
        return false
    }
  }

  private doubt(witnesses: ReadonlyArray<ClusterNode>): void {
    this.isDoubtful = true
    this.waiting.splice(mostConfirmers)
    this.waiting.unshift(...witnesses.slice(0, mostConfirmers).map(this.plan.witness))
  }
}

/**
 * Runs a survey. `refusals` collects the reasons of nodes that cannot report the topology, even if the survey is
 * interrupted.
 */
export const survey = Effect.fnUntraced(
  function*(plan: Plan, refusals: Array<Refusal>): Effect.fn.Return<Findings, never, Scope.Scope> {
    const run = new Survey(plan, yield* Queue.unbounded<Result.Result<Answer, Refusal>>(), refusals)
    yield* run.collect()
    return run.findings
  }
)
