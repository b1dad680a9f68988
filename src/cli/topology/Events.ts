/** The events of a client in words. */
import type { ClientEvent, ClusterNode, Snapshot } from "../../index.ts"
import type { Style } from "../output/Paint.ts"
import { plural } from "../output/text.ts"
import { rangeText } from "./Facts.ts"

export interface EventWords {
  readonly text: string
  readonly style: Style
}

const addressOf = (node: ClusterNode | undefined): string => node?.address ?? "nobody"

const movedText = (slots: ReadonlyArray<Snapshot.SlotRange>): string => {
  const moved = slots.reduce((sum, { end, start }) => sum + end - start + 1, 0)
  return slots.length > 3 ? plural(moved, "slot") : `${moved === 1 ? "slot" : "slots"} ${rangeText(slots)}`
}

/** The words of an event that concerns the cluster; `undefined` for those of the client's own work. */
export const wordsOf = (event: ClientEvent): EventWords | undefined => {
  switch (event._tag) {
    case "NodeUp":
      return { text: `${event.node} ${event.recovered ? "answers again" : "answers"}`, style: "green" }
    case "NodeDown":
      return { text: `${event.node} is down: ${event.reason}`, style: "red" }
    case "NodeAdded":
      return { text: `${event.node.address} has joined as a ${event.node.role}`, style: "green" }
    case "NodeRemoved":
      return { text: `${event.node.address} has left`, style: "yellow" }
    case "Promoted":
      return { text: `${event.node.address} has taken over from ${event.previous.address}`, style: "magenta" }
    case "SlotsMoved":
      return { text: `${movedText(event.slots)}: ${addressOf(event.from)} → ${addressOf(event.to)}`, style: "cyan" }
    case "ClusterReplaced":
      return { text: "another cluster has taken the place of this one", style: "red" }
    case "RefreshFailed":
      return { text: `no node reports the topology: ${event.reason}`, style: "red" }
    case "CredentialsFailed":
      return { text: `the credentials fail: ${event.reason}`, style: "red" }
    case "Refreshed":
    case "MessagesMissed":
    case "CredentialsRotated":
    case "CacheArmed":
    case "CacheRefused":
    case "CacheFlushed":
      return undefined
  }
}
