/// How many pieces of memory the process has asked malloc for since it started. Linking this target replaces malloc by
/// one that counts and hands on to the C library's.
unsigned long allocation_count(void);
