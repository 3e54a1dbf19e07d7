import type { PieceReader } from "../../content/piece_reader.ts";
import type { RegistryAction } from "./options.ts";

/** What the client of one request may do. */
export interface Access {
  /** Whether it may do this to a repository. */
  may(repository: string, action: RegistryAction): boolean;
  /** Its user; empty for one that has not logged in, `undefined` where there are no users. */
  readonly user?: string;
  /** Whether it may see the list of all repositories. */
  readonly lists: boolean;
}

/** What a request needs: something done to a repository, a list of them all, or just a login. */
export type Need =
  | { repository: string; action: RegistryAction; mountFrom?: string }
  | "catalog"
  | "login";

/** Decides who is asking, and whether they may. */
export interface Authorizer {
  /**
   * What the request's client may do; at least what it needs.
   *
   * @throws {Refusal} 401 with a challenge, or 403, when it may not do that.
   */
  authorize(request: Request, url: URL, need: Need): Promise<Access>;
  /** The path of the token service, where there is one. */
  readonly tokenPath?: string;
  /** The token service; `body` opens the request's body. */
  token?(request: Request, url: URL, body: () => PieceReader): Promise<Response>;
}
