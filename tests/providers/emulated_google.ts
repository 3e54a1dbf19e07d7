/**
 * Google's token endpoint and metadata server as their documentation has them.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 * @see https://cloud.google.com/compute/docs/metadata/querying-metadata
 */
import { exportPKCS8, generateKeyPair, jwtVerify } from "jose";

const TOKEN_URI = "https://oauth2.googleapis.com/token";
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token";

/** A service account, its key, and the two servers that give this access token for it. */
export async function emulateGoogle(accessToken: string) {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const key = {
    type: "service_account",
    project_id: "project",
    private_key_id: "0123abcd",
    private_key: await exportPKCS8(privateKey),
    client_email: "ci@project.iam.gserviceaccount.com",
    token_uri: TOKEN_URI,
  };
  const answer = { access_token: accessToken, expires_in: 3_599, token_type: "Bearer" };

  async function token(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    const refuse = (error: string, error_description: string) =>
      Response.json({ error, error_description }, { status: 400 });
    if (request.method !== "POST" || request.url !== TOKEN_URI) {
      return refuse("invalid_request", "wrong endpoint");
    }
    if (form.get("grant_type") !== GRANT_TYPE) return refuse("unsupported_grant_type", "grant");
    try {
      const { payload, protectedHeader } = await jwtVerify(form.get("assertion") ?? "", publicKey, {
        issuer: key.client_email,
        audience: TOKEN_URI,
        algorithms: ["RS256"],
        requiredClaims: ["iat", "exp", "scope"],
      });
      if (payload.exp! - payload.iat! > 3_600) return refuse("invalid_grant", "Token lifetime");
      if (protectedHeader.kid !== key.private_key_id) return refuse("invalid_grant", "kid");
      if (payload["scope"] !== SCOPE) return refuse("invalid_scope", "scope");
    } catch {
      return refuse("invalid_grant", "Invalid JWT Signature.");
    }
    return Response.json(answer);
  }

  function metadata(request: Request): Response {
    const headers = { "metadata-flavor": "Google" };
    const { pathname } = new URL(request.url);
    if (request.headers.get("metadata-flavor") !== "Google") {
      return new Response("Missing Metadata-Flavor:Google header.", { status: 403, headers });
    }
    if (pathname !== METADATA_PATH) return new Response(null, { status: 404, headers });
    return Response.json(answer, { headers });
  }

  return { key, token, metadata };
}
