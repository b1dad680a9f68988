/**
 * Asks node after node for the topology, and does not wait for one before it asks the next: the first answer that nothing
 * speaks against is taken. When something does, others are asked too, and the best of their views is taken.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Answer, Refusal } from "./Inquiry.ts"
import { refusal } from "./Inquiry.ts"
import { best, type Facts, judge, type Opinion } from "./Judgement.ts"
import type { Snapshot } from "./Snapshot.ts"

/** Somebody who can be asked. */
export interface Source {
  /** Nobody is asked twice under the same name. */
  readonly name: string
  readonly ask: Effect.Effect<Answer, Refusal>
}

export interface Plan {
  /** In this order. */
  readonly first: ReadonlyArray<Source>
  /** The startup nodes, found when the others do not answer, or doubtfully. */
  readonly seeds: Effect.Effect<ReadonlyArray<Source>, Refusal>
  /** How to ask a node that somebody has named. */
  readonly witness: (node: ClusterNode) => Source
  readonly facts: Facts
  /** How long one is waited for before the next is asked as well, in milliseconds. */
  readonly pause: number
  /** How long others are waited for when the answer that is here is doubtful, in milliseconds. */
  readonly confirmWithin: number
}

export interface Findings {
  /** The best answer. */
  readonly answer: Answer | undefined
  /** Something speaks against it, and nobody else has answered. */
  readonly isLone: boolean
  /** Answers of nodes that have nothing to do with the known cluster. */
  readonly strangers: ReadonlyArray<Answer>
}

/** How many nodes beside the witnesses are asked about a doubtful answer. */
const mostConfirmers = 3

const reasons = { unjoined: "it knows of no shards", foreign: "it belongs to another cluster now" } as const

/** Whether two answers name the same owners and the same nodes. */
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

/** `refusals` takes what is said by those who cannot tell the topology. */
export const survey = Effect.fnUntraced(
  function*(plan: Plan, refusals: Array<Refusal>): Effect.fn.Return<Findings, never, Scope.Scope> {
    const replies = yield* Queue.unbounded<Result.Result<Answer, Refusal>>()
    const waiting = [...plan.first]
    const asked = new Set<string>()
    const answers: Array<Answer> = []
    const strangers: Array<Answer> = []
    let seedsAsked = false
    let underWay = 0
    let isDoubtful = false

    const begin = (source: Source) =>
      Effect.suspend(() => {
        if (asked.has(source.name)) return Effect.void
        asked.add(source.name)
        underWay++
        return Effect.asVoid(Effect.forkScoped(
          Effect.flatMap(Effect.result(source.ask), (result) => Queue.offer(replies, result))
        ))
      })

    const addSeeds = Effect.gen(function*() {
      seedsAsked = true
      const seeds = yield* Effect.result(plan.seeds)
      if (Result.isFailure(seeds)) refusals.push(seeds.failure)
      else waiting.push(...isDoubtful ? seeds.success.slice(0, mostConfirmers) : seeds.success)
    })

    /** Whether the survey is over with this reply. */
    const weigh = (reply: Result.Result<Answer, Refusal>): boolean => {
      underWay--
      if (Result.isFailure(reply)) {
        refusals.push(reply.failure)
        return false
      }
      const answer = reply.success
      const judgement = judge(answer.snapshot, plan.facts)
      switch (judgement._tag) {
        case "Refuse":
          refusals.push(refusal(answer.from, reasons[judgement.reason]))
          if (judgement.reason === "foreign") strangers.push(answer)
          return false
        case "Accept":
          answers.push(answer)
          return !isDoubtful
        case "Confirm":
          answers.push(answer)
          if (!isDoubtful) {
            isDoubtful = true
            waiting.splice(mostConfirmers)
            waiting.unshift(...judgement.witnesses.slice(0, mostConfirmers).map(plan.witness))
          }
          return false
      }
    }

    const collect = Effect.gen(function*() {
      for (;;) {
        if (waiting.length === 0 && !seedsAsked) yield* addSeeds
        const next = waiting.shift()
        if (next !== undefined) yield* begin(next)
        if (underWay === 0) {
          if (waiting.length === 0 && seedsAsked) return
          continue
        }
        const reply = waiting.length === 0 && seedsAsked
          ? Option.some(yield* Queue.take(replies))
          : yield* Effect.timeoutOption(Queue.take(replies), plan.pause)
        if (Option.isSome(reply) && weigh(reply.value)) return
        if (isDoubtful) return yield* Effect.asVoid(Effect.timeoutOption(confirm, plan.confirmWithin))
      }
    })

    /** All who are to be asked about a doubtful answer are asked at once. */
    const confirm = Effect.gen(function*() {
      if (!seedsAsked) yield* addSeeds
      yield* Effect.forEach(waiting.splice(0), begin, { discard: true })
      while (underWay > 0) weigh(yield* Queue.take(replies))
    })

    yield* collect
    return { answer: bestOf(answers, plan.facts), isLone: isDoubtful && answers.length === 1, strangers }
  }
)
