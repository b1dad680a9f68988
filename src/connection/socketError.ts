/**
 * The failure of a socket, in one line.
 *
 * The error of a host with several addresses has no message, only the errors of the addresses.
 */

export const socketError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== "") return error.message
  const within = error instanceof AggregateError ? error.errors.map(socketError).join(", ") : ""
  return within === "" ? codeOf(error) ?? error.name : within
}

/** The code that Node gives to errors of the system and of TLS. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
