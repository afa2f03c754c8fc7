/* A library that the application's own LD_PRELOAD loads. */
__attribute__((constructor)) static void loaded(void) {}
