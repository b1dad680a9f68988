/** The events of a client in words for people. */
import type { ClientEvent, Snapshot } from "../../index.ts"
import { slotRange } from "./text.ts"

/** The kind of an event, by which its words have their mark: `bad` needs a person, `good` ends something bad. */
export type Tone = "good" | "bad" | "change" | "quiet"

export interface EventWords {
  readonly tone: Tone
  /** The tag of the event. */
  readonly kind: string
  readonly text: string
}

const shown = 4

/** `5`, `5-9`, and how many more ranges there are. */
const rangesText = (ranges: ReadonlyArray<Snapshot.SlotRange>): string => {
  const texts = ranges.slice(0, shown).map(({ end, start }) => slotRange(start, end))
  return ranges.length > shown ? `${texts.join(", ")} and ${ranges.length - shown} more` : texts.join(", ")
}

const slotsText = (ranges: ReadonlyArray<Snapshot.SlotRange>): string => {
  const only = ranges.length === 1 && ranges[0].start === ranges[0].end
  return `${only ? "slot" : "slots"} ${rangesText(ranges)}`
}

/** The words of an event; `undefined` for events that come all the time and mean nothing to people. */
export const wordsOf = (event: ClientEvent): EventWords | undefined => {
  const line = (tone: Tone, text: string) => ({ tone, kind: event._tag, text })
  switch (event._tag) {
    case "NodeUp":
      return event.recovered ? line("good", `${event.node} is up again`) : line("quiet", `connected to ${event.node}`)
    case "NodeDown":
      return line("bad", `${event.node} is down: ${event.reason}`)
    case "NodeAdded":
      return line("change", `${event.node.role} ${event.node.address} joined the cluster`)
    case "NodeRemoved":
      return line("change", `${event.node.address} left the cluster`)
    case "Promoted":
      return line("good", `${event.node.address} took the place of ${event.previous.address} as primary`)
    case "SlotsMoved": {
      const slots = slotsText(event.slots)
      if (event.to === undefined) return line("bad", `${slots} of ${event.from?.address} lost their owner`)
      return event.from === undefined
        ? line("good", `${slots} belong to ${event.to.address}`)
        : line("change", `${slots} moved from ${event.from.address} to ${event.to.address}`)
    }
    case "ClusterReplaced":
      return line("bad", `another cluster answers: ${event.nodes.map(({ address }) => address).join(", ")}`)
    case "Refreshed":
      return undefined
    case "RefreshFailed":
      return line("bad", `no node told the topology: ${event.reason}`)
    case "MessagesMissed":
      return line("bad", `${event.subscriptions} subscriptions may have missed messages: ${event.reason}`)
    case "CredentialsRotated":
      return line("quiet", "the client logs in with new credentials")
    case "CredentialsFailed":
      return line("bad", `there are no new credentials: ${event.reason}`)
    case "CacheArmed":
      return line("quiet", `${event.node} reports changes of keys`)
    case "CacheFlushed":
      return line("quiet", `cached replies of ${event.node} were dropped: ${event.reason}`)
    case "CacheRefused":
      return line("bad", `${event.node} refuses to report changes of keys: ${event.reason}`)
  }
}
