import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions } from "../../content/check_options.ts";
import { isRepositoryName } from "../../reference/repository_name.ts";
import type { RegistrySettings } from "../options.ts";
import type { Route } from "../route.ts";
import type { Access, Authorizer, Need } from "./access.ts";
import { BasicAuthorizer } from "./basic_authorizer.ts";
import { BearerAuthorizer } from "./bearer_authorizer.ts";
import {
  BASIC_AUTH_OPTIONS,
  BEARER_AUTH_OPTIONS,
  type RegistryAction,
  type RegistryAuth,
} from "./options.ts";

const UNRESTRICTED: Access = { may: () => true, lists: true };

/** The authorizer that the options ask for. */
export function createAuthorizer(
  auth: RegistryAuth | undefined,
  { externalUrl, now }: Pick<RegistrySettings, "externalUrl" | "now">,
): Authorizer {
  if (auth === undefined) return { authorize: () => Promise.resolve(UNRESTRICTED) };
  checkOptions(auth, { basic: 1, bearer: 1 }, "auth");
  if ("bearer" in auth) {
    checkOptions(auth.bearer, BEARER_AUTH_OPTIONS, "auth.bearer");
    return new BearerAuthorizer(auth.bearer, now, externalUrl);
  }
  checkArgument("auth.basic", auth.basic, "options");
  checkOptions(auth.basic, BASIC_AUTH_OPTIONS, "auth.basic");
  return new BasicAuthorizer(auth.basic);
}

/** What a route needs, done with an action. */
export function needOf(route: Route, action: RegistryAction, url: URL): Need {
  if (route.kind === "ping") return "login";
  if (route.kind === "catalog") return "catalog";
  const { repository } = route;
  const from = route.kind === "uploads" && url.searchParams.get("from");
  return isRepositoryName(from) ? { repository, action, mountFrom: from } : { repository, action };
}
