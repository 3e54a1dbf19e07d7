import { testMatrix } from "./matrix.ts";

testMatrix("socket");
