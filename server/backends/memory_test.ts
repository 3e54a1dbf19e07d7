import { MemoryBackend } from "./memory.ts";
import { testRegistryBackend } from "./test_registry_backend.ts";

testRegistryBackend("MemoryBackend", () => Promise.resolve({ backend: new MemoryBackend() }));
