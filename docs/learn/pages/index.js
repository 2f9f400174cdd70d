/* The start page has nothing to compute. */
globalThis.Learn.page.start(() => {});
