using System;

/// <summary>A start-up hook that the application has itself.</summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        Environment.SetEnvironmentVariable("SHOP_HOOK", "kept");
    }
}
