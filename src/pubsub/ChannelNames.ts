/**
 * The channels that a program names, of one kind or of several. Pure.
 *
 * @since 0.1.0
 */
import * as checks from "../internal/checks.ts"
import type { Kind } from "./Wish.ts"

/**
 * Channels by their kind. The messages of all kinds come in one order.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChannelsByKind {
  /** Classic channels (`SUBSCRIBE`), which `publish` reaches from any node. */
  readonly channels?: string | ReadonlyArray<string> | undefined
  /** Patterns of classic channels (`PSUBSCRIBE`), such as `news.*`. */
  readonly patterns?: string | ReadonlyArray<string> | undefined
  /**
   * Shard channels (`SSUBSCRIBE`) of any slots, which `spublish` reaches. The primary that owns the slot holds the subscription,
   * which follows the slot. Since 7.0.0.
   */
  readonly shardChannels?: string | ReadonlyArray<string> | undefined
}

/**
 * The channels of a subscription: one classic channel, a list of them, or channels by their kind.
 *
 * @category models
 * @since 0.1.0
 */
export type ChannelNames = string | ReadonlyArray<string> | ChannelsByKind

/**
 * The channels that a subscription has, by their kind.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChannelLists {
  readonly channels: ReadonlyArray<string>
  readonly patterns: ReadonlyArray<string>
  readonly shardChannels: ReadonlyArray<string>
}

/**
 * A name that is subscribed to, and its kind.
 */
export interface Named {
  readonly kind: Kind
  readonly name: string
}

const textOrTexts: checks.Check = (value) =>
  [value].flat().every((name) => typeof name === "string") ? undefined : "text, or a list of texts"

const nameChecks: checks.Checks<ChannelsByKind> = {
  channels: textOrTexts,
  patterns: textOrTexts,
  shardChannels: textOrTexts
}

/** Names as the server will repeat them: a lone surrogate is sent as U+FFFD. */
const named = (kind: Kind, names: string | ReadonlyArray<string> | undefined = []): ReadonlyArray<Named> =>
  [names].flat().map((name) => ({ kind, name: Buffer.from(name).toString() }))

const byKind = (channels: ChannelNames): ChannelsByKind =>
  typeof channels === "string" || isList(channels) ? { channels } : channels

const isList = (channels: ChannelNames): channels is ReadonlyArray<string> => Array.isArray(channels)

/**
 * The names that a program gives, each once, or the problem with them. Options are named where they stand among the channels.
 *
 * @internal
 */
export const namesOf = (
  given: ChannelNames,
  options: ReadonlyArray<string> = []
): ReadonlyArray<Named> | string => {
  const lists = byKind(given)
  if (typeof lists !== "object" || lists === null) {
    return "the channels have to be text, a list of texts, or lists by their kind"
  }
  const behind = Object.fromEntries(options.map((name) => [name, `the second argument with ${name}`]))
  const problems = checks.problemsOf(lists, nameChecks, behind)
  if (problems.length > 0) return problems.join("; ")
  const all = [
    ...named("channel", lists.channels),
    ...named("pattern", lists.patterns),
    ...named("shardChannel", lists.shardChannels)
  ]
  if (all.length === 0) return "there is nothing to subscribe to; name at least one channel or pattern"
  return [...new Map(all.map((one) => [`${one.kind} ${one.name}`, one])).values()]
}

/**
 * The names of each kind.
 *
 * @internal
 */
export const listsOf = (names: ReadonlyArray<Named>): ChannelLists => {
  const of = (kind: Kind) => names.filter((named) => named.kind === kind).map(({ name }) => name)
  return { channels: of("channel"), patterns: of("pattern"), shardChannels: of("shardChannel") }
}
