import { Refusal } from "../refusal.ts";
import type { Access, Authorizer, Need } from "./access.ts";
import type { BasicAuthOptions } from "./options.ts";
import { basicCredentials, namesNoUser, Users } from "./users.ts";

/** Basic authentication. */
export class BasicAuthorizer implements Authorizer {
  readonly #users: Users;
  readonly #challenge: string;

  /** The users and the realm of the options. */
  constructor(options: BasicAuthOptions) {
    this.#users = new Users(options);
    this.#challenge = `Basic realm=${quotedString(options.realm ?? "davit")}, charset="UTF-8"`;
  }

  /**
   * What the user may do; without credentials, what every client may.
   *
   * @throws {Refusal} 401 when the client must log in; 403 when the user may not do this.
   */
  async authorize(request: Request, _url: URL, need: Need): Promise<Access> {
    const header = request.headers.get("authorization");
    if (namesNoUser(header)) {
      // Clients learn from the ping that there is something to log in to, so it always asks.
      const enough = typeof need === "object" &&
        this.#users.anonymous.may(need.repository, need.action);
      if (enough) return this.#users.anonymous;
      throw this.#unauthorized("Cannot answer: it takes a user name and a password");
    }
    const credentials = basicCredentials(header);
    const access = credentials &&
      await this.#users.login(credentials.name, credentials.password);
    if (access === undefined) {
      throw this.#unauthorized("Cannot answer: the user name or the password is wrong");
    }
    if (need === "catalog" && !access.lists) {
      throw new Refusal(403, "DENIED", "Cannot list: the user may not see all repositories");
    }
    if (typeof need === "object" && !access.may(need.repository, need.action)) {
      throw new Refusal(
        403,
        "DENIED",
        `Cannot ${need.action}: the user may not do this in ${need.repository}`,
      );
    }
    return access;
  }

  #unauthorized(message: string): Refusal {
    return new Refusal(401, "UNAUTHORIZED", message, {
      headers: { "www-authenticate": this.#challenge },
    });
  }
}

/** A text as a quoted string of HTTP. */
export function quotedString(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
