/**
 * Errors without a stack.
 *
 * Failures of commands are results, and the stack of a socket handler says nothing about the program. A capture would cost
 * several microseconds per failed command.
 */
export const stackless = <E extends Error>(make: () => E): E => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const error = make()
  Error.stackTraceLimit = limit
  return error
}
