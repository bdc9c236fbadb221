pub(super) fn reached() {}
