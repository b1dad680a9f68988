/**
 * The time in which the server reports on one socket every change of a value that was read on it.
 */
export class Generation {
  /** Whether changes may have gone unreported: the socket is lost or silent, or the server has forgotten what was read. */
  isOver = false
  /** The number of cached replies that rely on the reports. */
  reliant = 0
  /** Called at its end. */
  onEnd: (() => void) | undefined = undefined

  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.onEnd?.()
  }
}
