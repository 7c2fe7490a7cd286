// No blinking cursor: it would be the only thing that moves on an idle display.
jimport org.scilab.modules.gui.console.ScilabConsole;
porthole = jinvoke(ScilabConsole, "getConsole");
for name = ["getAsSimpleConsole", "getConfiguration", "getInputCommandView", "getCaret"]
    porthole = jinvoke(porthole, name);
end
jinvoke(porthole, "setBlinkRate", int32(0));
clear porthole ScilabConsole name ans;
