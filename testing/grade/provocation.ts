import type { GradeEntry } from "./journal.ts";

export type Graded = (request: Request, entry: GradeEntry) => Promise<Response>;

export interface ProvokeContext {
  readonly otherOrigin: string;
  /** The `Authorization` under which a path of the other origin was given to a client. */
  readonly given: Map<string, string | null>;
}

/** Something done on purpose: stands between the registry and the client, and notes in the entry what it did. */
export type Provoke = (next: Graded, context: ProvokeContext) => Graded;
