//! The runtime that the addon's promises are driven by.

/// One thread instead of one a core: it waits for sockets and channels. It cannot be the current-thread kind, which
/// nobody would drive. Not where the programs are built along, as for tests: they would begin with this thread, and the
/// first process of a container, which divides itself, would take its signals from its child.
#[cfg(not(any(test, feature = "cli")))]
#[napi_derive::module_init]
fn start() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    // Without it napi makes its own, with its defaults.
    if let Ok(runtime) = runtime {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}
