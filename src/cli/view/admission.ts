/** Decides which requests get an answer. Every other one is refused before any file is looked up. */
import { timingSafeEqual } from "node:crypto"

/** The parts of a request by which it is admitted. */
export interface Asked {
  readonly method: string
  /** The path and the query. */
  readonly url: string
  readonly host: string | undefined
}

export interface Served {
  readonly port: number
  /** The first part of every path, which nobody else knows. */
  readonly token: string
}

/** The name of a file for a request, or the status of the refusal. */
export type Admission = { readonly file: string } | { readonly status: 403 | 404 | 405 }

const same = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * Decides about a request. The host has to be this machine by one of its own names: the page of a stranger, whose name
 * was made to mean 127.0.0.1, sends its own. The token keeps out other users of this machine, who reach the port as well.
 */
export const admit = ({ host, method, url }: Asked, { port, token }: Served): Admission => {
  const hosts = ["127.0.0.1", "localhost", "[::1]"].map((name) => `${name}:${port}`)
  if (host === undefined || !hosts.includes(host.toLowerCase())) return { status: 403 }
  const [, first = "", file, ...rest] = url.split("?")[0].split("/")
  if (!same(first, token) || file === undefined || rest.length > 0) return { status: 404 }
  if (method !== "GET") return { status: 405 }
  return { file: file === "" ? "page.html" : file }
}
