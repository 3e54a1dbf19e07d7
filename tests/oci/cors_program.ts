/** Asks a registry in another origin twice, in a page: `HOST` stands in for the host. */
import { RegistryClientV2 } from "@davit/registry-client";

let retries = 0;
const client = new RegistryClientV2({
  name: "http://HOST/app",
  retry: { minDelay: 1, maxDelay: 2 },
  onEvent: ({ type }) => type === "retry" && retries++,
});

for (const ask of [() => client.listTags(), () => client.getManifest({ ref: "latest" })]) {
  try {
    await ask();
    console.log("answered");
  } catch (error) {
    const { code, message, retryable } = error as Error & { code: string; retryable: boolean };
    console.log(`${code} ${retryable} ${retries} ${message}`);
  }
}
