/**
 * The time that messages take between the nodes of a cluster.
 */

/**
 * The most time between the deliveries of a message by two nodes, in milliseconds. Servers pass messages on through
 * the cluster bus, whose packets may wait for an acknowledgement (40 ms were seen).
 */
export const busDelay = 100

/**
 * The earliest time at which a message can have been published that came at `cameAt`, in milliseconds. A message that was
 * published after it and is lost may have been published before `cameAt`.
 */
export const publishedAfter = (cameAt: number): number => cameAt - busDelay
