/**
 * MULTI, EXEC and WATCH.
 */
import { type Answer, failure, nullArray, ok } from "./Answer.ts"
import { type Call, type Group, read } from "./Call.ts"

const exec = (call: Call): Answer => {
  const { node, session } = call
  const { queue } = session
  if (queue === undefined) return call.refuse("ERR EXEC without MULTI")
  // Watched keys that have expired meanwhile have changed.
  for (const key of session.watched) call.db.get(key)
  const { aborted, watchBroken } = session
  session.endTransaction()
  if (aborted) return failure("EXECABORT Transaction discarded because of previous errors.")
  if (watchBroken) return nullArray
  return queue.map((words) => node.runNested(session, words))
}

export const transactions: Group = {
  MULTI: read(1, (call) => {
    if (call.session.queue !== undefined) return call.refuse("ERR MULTI calls can not be nested")
    call.session.queue = []
    return ok
  }),
  EXEC: read(1, exec),
  DISCARD: read(1, (call) => {
    if (call.session.queue === undefined) return call.refuse("ERR DISCARD without MULTI")
    call.session.endTransaction()
    return ok
  }),
  WATCH: read(-2, (call) => {
    if (call.session.queue !== undefined) return call.refuse("ERR WATCH inside MULTI is not allowed")
    for (const key of call.every(1)) {
      // A key that has expired before WATCH does not count as changed.
      call.db.get(key)
      call.session.watched.add(key)
    }
    return ok
  }),
  UNWATCH: read(1, (call) => {
    call.session.unwatch()
    return ok
  })
}
