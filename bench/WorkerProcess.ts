import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Request, Response } from "./worker.ts"

/** A client in a process of its own, so that its CPU and its memory are nobody else's. */
export class WorkerProcess {
  readonly name: string
  private readonly child: ChildProcess

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.child = child
  }

  static async start(name: string, onStarted: (killNow: () => void) => void): Promise<WorkerProcess> {
    const child = fork(fileURLToPath(new URL("./worker.ts", import.meta.url)), [name], {
      execArgv: ["--expose-gc", "--no-warnings"],
      stdio: ["ignore", "ignore", "inherit", "ipc"]
    })
    onStarted(() => child.kill("SIGKILL"))
    const worker = new WorkerProcess(name, child)
    await worker.response()
    return worker
  }

  /** Sends one request and waits for its response of the given kind. */
  async ask<Kind extends Response["kind"]>(
    request: Request,
    kind: Kind
  ): Promise<Extract<Response, { readonly kind: Kind }>> {
    this.child.send(request)
    const response = await this.response()
    if (isKind(response, kind)) return response
    throw new Error(`${this.name}: expected ${kind}, got ${JSON.stringify(response)}`)
  }

  async close(): Promise<void> {
    await this.ask({ kind: "close" }, "done")
    const exited = new Promise((resolve) => this.child.once("exit", resolve))
    this.child.disconnect()
    await exited
  }

  private response(): Promise<Response> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.child.off("message", onMessage)
        this.child.off("exit", onExit)
      }
      const onMessage = (response: Response) => {
        settle()
        resolve(response)
      }
      const onExit = () => {
        settle()
        reject(new Error(`${this.name}: its process ended early`))
      }
      this.child.on("message", onMessage)
      this.child.on("exit", onExit)
    })
  }
}

const isKind = <Kind extends Response["kind"]>(
  response: Response,
  kind: Kind
): response is Extract<Response, { readonly kind: Kind }> => response.kind === kind
