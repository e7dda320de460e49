import { keepYoungHeapSmall } from "../../src/daemon/youngHeap.ts";

// As the daemon does: before anything else of it is loaded. Import it first.
keepYoungHeapSmall();
