/**
 * Lets the consumers of several slots read side by side and give their entries in turns, one at a time. An entry waits
 * in the page of its consumer only, which knows the time of its delivery.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { ConsumedEntry, GroupConsumer } from "./GroupConsumer.ts"

/** A consumer that has entries to give. */
interface Turn<F> {
  readonly consumer: GroupConsumer<F>
  /** Done when all entries of the page are given. */
  readonly over: Deferred.Deferred<void>
}

type Turns<F> = Queue.Queue<Turn<F>, RedisClusterException>

/** Reads a page, waits until all of it is given, and reads the next one. */
const read = <F>(consumer: GroupConsumer<F>, turns: Turns<F>): Effect.Effect<never, RedisClusterException> =>
  Effect.andThen(
    consumer.prepare,
    Effect.forever(Effect.flatMap(consumer.load, () => {
      const over = Deferred.makeUnsafe<void>()
      Queue.offerUnsafe(turns, { consumer, over })
      return Deferred.await(over)
    }))
  )

const take = <F>(turns: Turns<F>): Effect.Effect<ConsumedEntry<F>, RedisClusterException> =>
  Effect.flatMap(Queue.take(turns), (turn) =>
    Effect.flatMap(turn.consumer.give, (entry) => {
      if (turn.consumer.hasEntries) Queue.offerUnsafe(turns, turn)
      else Deferred.doneUnsafe(turn.over, Effect.void)
      return entry === undefined ? take(turns) : Effect.succeed(entry)
    }))

/** The entries of all consumers, for as long as the stream runs. */
export const entriesOf = <F>(
  consumers: ReadonlyArray<GroupConsumer<F>>
): Stream.Stream<ConsumedEntry<F>, RedisClusterException> =>
  Stream.unwrap(Effect.gen(function*() {
    const turns: Turns<F> = yield* Queue.unbounded<Turn<F>, RedisClusterException>()
    for (const consumer of consumers) {
      yield* Effect.forkScoped(Effect.onError(read(consumer, turns), (cause) => Queue.failCause(turns, cause)))
    }
    return Stream.fromEffectRepeat(take(turns))
  }))
