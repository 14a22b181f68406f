// What Microsoft's sample of memory-mapped files does, written anew: brighten part of an extremely large image, pixel
// by pixel, through a view accessor.
//
// usage: Sample.exe FILE OFFSET LENGTH N
//
// As in the sample, all four channels are signed and are brightened, alpha too. The map has no name, for on Unix a name
// is refused.
using System;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

struct MyColor
{
    public short Red, Green, Blue, Alpha;

    public void Brighten(short value)
    {
        Red = (short)Math.Min(short.MaxValue, (int)Red + value);
        Green = (short)Math.Min(short.MaxValue, (int)Green + value);
        Blue = (short)Math.Min(short.MaxValue, (int)Blue + value);
        Alpha = (short)Math.Min(short.MaxValue, (int)Alpha + value);
    }
}

class Sample
{
    static void Main(string[] words)
    {
        long offset = long.Parse(words[1]), length = long.Parse(words[2]);
        short value = short.Parse(words[3]);
        int colorSize = Marshal.SizeOf(typeof(MyColor));
        using (var map = MemoryMappedFile.CreateFromFile(words[0], FileMode.Open, null))
        using (var accessor = map.CreateViewAccessor(offset, length))
        {
            MyColor color;
            for (long i = 0; i < length; i += colorSize)
            {
                accessor.Read(i, out color);
                color.Brighten(value);
                accessor.Write(i, ref color);
            }
        }
    }
}
