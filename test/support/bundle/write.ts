import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.ts";

// `npm run build` writes dist/: the types by the compiler, the rest here.

await bundle(fileURLToPath(new URL("../../../dist", import.meta.url)));
