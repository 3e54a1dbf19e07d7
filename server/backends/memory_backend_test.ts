import { MemoryBackend } from "./memory_backend.ts";
import { testRegistryBackend } from "./test_registry_backend.ts";

testRegistryBackend("MemoryBackend", () => Promise.resolve({ backend: new MemoryBackend() }));
