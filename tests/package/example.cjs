// What the first lines of a CommonJS program look like: `example.cjs <name of a repository>`.
const { RegistryClientV2 } = require("@davit/registry-client");

const app = new RegistryClientV2({ name: process.argv[2], scopes: ["pull", "push"] });

async function main() {
  const { digest } = await app.putBlob(Buffer.from("hello"));
  process.stdout.write(`${digest}\n`);
}
main();
