import { keepHeapSmall } from "../../src/daemon/smallHeap.ts";

// As the daemon does: before anything else of it is loaded. Import it first.
keepHeapSmall();
