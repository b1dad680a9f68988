import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"

interface Answer<Figures> {
  readonly figures?: Figures | undefined
  readonly failed?: string
}

/** A client in a process of its own, so that its CPU is nobody else's. It answers each request before the next is sent. */
export class ClientProcess<Request, Figures> {
  readonly client: string
  private readonly child: ReturnType<typeof fork>

  /** `worker` is the file that the process runs, beside this one; `onStarted` is given a function that ends the process. */
  constructor(worker: string, client: string, onStarted: (killNow: () => void) => void) {
    this.client = client
    this.child = fork(fileURLToPath(new URL(worker, import.meta.url)), [client], {
      execArgv: ["--no-warnings"],
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })
    onStarted(() => this.child.kill("SIGKILL"))
  }

  ask(request: Request): Promise<Figures | undefined> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`${this.client}: its process ended early`))
      this.child.once("exit", ended)
      this.child.once("message", (message) => {
        this.child.off("exit", ended)
        const answer = message as Answer<Figures>
        if (answer.failed === undefined) resolve(answer.figures)
        else reject(new Error(`${this.client}: ${answer.failed}`))
      })
      this.child.send(request as never)
    })
  }

  close(): void {
    this.child.kill()
  }
}

/** Answers the requests of the process that measures, in the process of a client. */
export const answerRequests = <Request, Figures>(answer: (request: Request) => Promise<Figures | undefined>): void => {
  process.on("message", (request: Request) => {
    answer(request).then(
      (figures) => process.send?.({ figures } satisfies Answer<Figures>),
      (error: unknown) => process.send?.({ failed: (error instanceof Error && error.stack) || String(error) })
    )
  })
  // The process that measures may be killed: nobody would end this one then.
  process.on("disconnect", () => process.exit(0))
}

export const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]
