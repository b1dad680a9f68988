/**
 * Aggregations of any size as streams: each holds a cursor of one node, reads it there, and deletes it at the end.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { NodeClient } from "../../client/Targets.ts"
import { ClusterClient } from "../../ClusterClient.ts"
import { type Command, make, timeout } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import * as decode from "../../commands/decode.ts"
import { exception, type RedisClusterException, ReplyError, TryAgainError } from "../../RedisClusterException.ts"
import type { CursorPage } from "./results.ts"

/** The commands of a cursor. */
export interface CursorCommands<Row> {
  /** The key whose owner has the index; `undefined` where each primary asks the others. */
  readonly routing: string | undefined
  readonly open: Command<CursorPage<Row>>
  readonly read: (cursor: string) => Command<CursorPage<Row>>
  readonly close: (cursor: string) => Command<unknown>
}

/** The number of no cursor. */
const ended = "0"

/** The cursor at its node. */
interface Held<Row> {
  readonly node: NodeClient
  /** The page that came last. */
  readonly page: CursorPage<Row>
  /** Changes with each page. */
  cursor: string
}

/** The node for a new cursor: any primary, so that they share the work. */
const chosen = Effect.fnUntraced(function*(routing: string | undefined) {
  const redis = yield* ClusterClient
  const owner = routing === undefined ? undefined : yield* redis.ownerOf(routing)
  if (owner !== undefined) return yield* redis.node(owner)
  const known = yield* redis.primaries
  const primaries = known.length > 0 ? known : (yield* redis.refreshTopology).primaries
  const lot = yield* Random.next
  return yield* redis.node(primaries[Math.floor(lot * primaries.length)])
})

const runOf = make(
  new CommandSpec("INFO", { readonly: true }),
  ["server"],
  decode.map(decode.string, (info) => /run_id:(\w+)/.exec(info)?.[1] ?? "")
)

/**
 * The owners of all slots, and the process of each. A coordinator leaves out the rows of a shard that it has lost, and says nothing: so the stream
 * looks itself. Fails when one of the primaries does not answer.
 */
const ownersOf = Effect.fnUntraced(function*() {
  const redis = yield* ClusterClient
  const { slots } = yield* redis.refreshTopology
  const runs = yield* redis.on("primaries").execute(runOf)
  const byAddress = new Map(Array.from(runs, ([{ address }, run]) => [address, run]))
  return slots.map((shard) =>
    shard === undefined ? "" : `${shard.primary.address} ${byAddress.get(shard.primary.address)}`
  )
})

const changed = exception(() =>
  new TryAgainError({
    message:
      "FT.CURSOR: shards failed or slots moved while the cursor was read, so that rows may be missing or come twice",
    outcome: "Executed",
    command: "FT.CURSOR"
  })
)

/** Fails unless the slots have had the same owners all the time. */
const confirm = (before: ReadonlyArray<string>): Effect.Effect<void, RedisClusterException, ClusterClient> =>
  Effect.flatMap(
    ownersOf(),
    (after) => after.every((owner, slot) => owner === before[slot]) ? Effect.void : Effect.fail(changed)
  )

/** A page, unless the server says that rows are missing. */
const whole = <Row>(page: CursorPage<Row>): Effect.Effect<CursorPage<Row>, RedisClusterException> =>
  page.warnings.length === 0
    ? Effect.succeed(page)
    : Effect.fail(exception(() =>
      new ReplyError({
        message: `FT.AGGREGATE: rows are missing: ${page.warnings.join(", ")}`,
        code: "WARNING",
        outcome: "Executed",
        command: "FT.AGGREGATE"
      })
    ))

/** Nothing has been read yet, so that another node may be asked: a cursor whose reply was lost is dropped when its time is over. */
const again = {
  while: (error: RedisClusterException) => error.isRetryable || error.reason._tag === "ConnectionError",
  schedule: Schedule.spaced("50 millis"),
  times: 20
}

/** A stream of rows. Reads are never repeated: each moves the cursor on. */
export const rows = <Row>(commands: CursorCommands<Row>): Stream.Stream<Row, RedisClusterException, ClusterClient> =>
  Stream.unwrap(Effect.gen(function*() {
    // Where one node has all documents, it is lost with the cursor.
    const before = commands.routing === undefined ? yield* ownersOf() : undefined
    const open = Effect.flatMap(
      chosen(commands.routing),
      (node) => Effect.map(node.execute(commands.open), (page): Held<Row> => ({ node, page, cursor: page.cursor }))
    ).pipe(Effect.retry(again))
    const held = yield* Effect.acquireRelease(
      open,
      ({ cursor, node }) =>
        cursor === ended ? Effect.void : Effect.ignore(node.execute(timeout(commands.close(cursor), "1 second")))
    )
    const next = (): Effect.Effect<CursorPage<Row>, RedisClusterException> =>
      Effect.tap(held.node.execute(commands.read(held.cursor)), (page) =>
        Effect.sync(() => {
          held.cursor = page.cursor
        }))
    return Stream.paginate(
      true,
      Effect.fnUntraced(function*(isFirst: boolean) {
        const { cursor, rows } = yield* whole(isFirst ? held.page : yield* next())
        if (cursor === ended && before !== undefined) yield* confirm(before)
        return [rows, cursor === ended ? Option.none<boolean>() : Option.some(false)] as const
      })
    )
  }))
