// CMake asks for a source, where a precompiled header is to be reused by other targets.
