/**
 * Microsoft Entra's token endpoint, and the exchange of Azure's registries, as their documentation
 * has them.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 * @see https://azure.github.io/acr/AAD-OAuth.html
 */

const SCOPE = "https://containerregistry.azure.net/.default";

/** Whom Entra knows, and the registry that believes it. */
interface EmulatedAzure {
  tenant: string;
  clientId: string;
  clientSecret: string;
  /** The registry's host. */
  host: string;
  /** The registry's answers, and a user of it: whoever Entra knows is that one. */
  registry: (request: Request) => Promise<Response>;
  user: string;
  password: string;
}

/** Entra, and the registry with its exchange. */
export function emulateAzure(azure: EmulatedAzure) {
  const { tenant, host, registry, user, password } = azure;
  const entraToken = crypto.randomUUID();

  async function entra(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    if (new URL(request.url).pathname !== `/${tenant}/oauth2/v2.0/token`) {
      return Response.json({ error: "invalid_request" }, { status: 400 });
    }
    const known = form.get("grant_type") === "client_credentials" &&
      form.get("client_id") === azure.clientId &&
      form.get("client_secret") === azure.clientSecret && form.get("scope") === SCOPE;
    if (!known) {
      const error_description = "AADSTS7000215: Invalid client secret provided.";
      return Response.json({ error: "invalid_client", error_description }, { status: 401 });
    }
    return Response.json({ token_type: "Bearer", expires_in: 3_599, access_token: entraToken });
  }

  async function exchange(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    const known = form.get("grant_type") === "access_token" && form.get("service") === host &&
      form.get("access_token") === entraToken;
    if (!known) {
      const errors = [{ code: "UNAUTHORIZED", message: "authentication required" }];
      return Response.json({ errors }, { status: 401 });
    }
    const login = new Request(`https://${host}/oauth2/token`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        grant_type: "password",
        access_type: "offline",
        service: "azurecr.io",
        client_id: "azure",
        username: user,
        password,
      }),
    });
    const { refresh_token } = await (await registry(login)).json();
    return Response.json({ refresh_token });
  }

  return { entraToken, entra, exchange };
}
