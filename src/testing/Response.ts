/**
 * The response of a node to an intercepted command, for `onCommand`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"

/**
 * A value of a scripted reply: strings are bulk strings, numbers integers, `null` the null, arrays arrays.
 *
 * @category models
 * @since 0.1.0
 */
export type ResponseValue = string | number | bigint | null | ReadonlyArray<ResponseValue>

/**
 * The treatment of a command that `onCommand` has intercepted.
 *
 * - `Reply`: the command is answered with this value, and not executed
 * - `Failure`: the command is answered with this error line (`"LOADING ..."`, `"MOVED 0 127.0.0.1:7001"`), and not
 *   executed
 * - `Silence`: the command is not executed, and never answered
 * - `Disconnect`: the connection ends in place of a reply; `executed` says whether the node executed the command first
 * - `Delayed`: the command is executed, and its reply comes later by a time
 *
 * @category models
 * @since 0.1.0
 */
export type Response = Data.TaggedEnum<{
  Reply: { readonly value: ResponseValue }
  Failure: { readonly message: string }
  Silence: {}
  Disconnect: { readonly executed: boolean }
  Delayed: { readonly by: Duration.Input }
}>

const constructors = Data.taggedEnum<Response>()

/**
 * Answers with a value, and does not execute the command. `"OK"` is sent as the simple string that it is on a server.
 *
 * **Example** (A value of a node)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Response, TestCluster } from "effect-redis-cluster/testing"
 *
 * export const program = Effect.gen(function*() {
 *   const cluster = yield* TestCluster
 *   yield* cluster.onCommand("GET", () => Response.reply("from the test"))
 * }).pipe(Effect.provide(TestCluster.layer()))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const reply = (value: ResponseValue): Response => constructors.Reply({ value })

/**
 * Answers with an error, and does not execute the command: the line begins with the code, and has no `-`.
 *
 * **Example** (A node that loads)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Response, TestCluster } from "effect-redis-cluster/testing"
 *
 * export const program = Effect.gen(function*() {
 *   const cluster = yield* TestCluster
 *   yield* cluster.onCommand("GET", () => Response.error("LOADING the dataset"))
 * }).pipe(Effect.provide(TestCluster.layer()))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const error = (message: string): Response => constructors.Failure({ message })

/**
 * Sends no reply: the command hangs.
 *
 * **Example** (A node that hangs)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Response, TestCluster } from "effect-redis-cluster/testing"
 *
 * export const program = Effect.gen(function*() {
 *   const cluster = yield* TestCluster
 *   yield* cluster.onCommand("GET", () => Response.silence)
 * }).pipe(Effect.provide(TestCluster.layer()))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const silence: Response = constructors.Silence()

/**
 * Ends the connection in place of a reply. With `executed` the command has taken effect, which the client cannot know.
 *
 * **Example** (A lost reply)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Response, TestCluster } from "effect-redis-cluster/testing"
 *
 * export const program = Effect.gen(function*() {
 *   const cluster = yield* TestCluster
 *   yield* cluster.onCommand("GET", () => Response.disconnect({ executed: true }))
 * }).pipe(Effect.provide(TestCluster.layer()))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const disconnect = (options?: { readonly executed?: boolean | undefined }): Response =>
  constructors.Disconnect({ executed: options?.executed ?? false })

/**
 * Executes the command, and sends the reply later by a time.
 *
 * **Example** (A slow node)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Response, TestCluster } from "effect-redis-cluster/testing"
 *
 * export const program = Effect.gen(function*() {
 *   const cluster = yield* TestCluster
 *   yield* cluster.onCommand("GET", () => Response.delayed("2 seconds"))
 * }).pipe(Effect.provide(TestCluster.layer()))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const delayed = (by: Duration.Input): Response => constructors.Delayed({ by })
